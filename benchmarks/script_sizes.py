"""How much script the patient's pages load, from the files themselves: what needs no browser and no clock."""

from typing import Final

from gateway.pages.static import STATIC_FOLDER, StaticFiles

_FIRST: Final = "js/main.js"
_VIEWER: Final = "js/viewer/viewer.js"
_OFFLINE: Final = "offline/"


def script_sizes() -> dict[str, list[float]]:
    """Kilobytes as gzip, by the name of the budget: before the first image, on the patient's way, all there is.

    The patient's way is what the pages load without being asked for a tool; nothing is needed before the first image,
    which tests/browser shows with scripts off. The viewer inside of a ZIP archive is no part of these pages.
    """
    files = StaticFiles(STATIC_FOLDER)

    def kilobytes(names: set[str]) -> list[float]:
        return [sum(files.gzipped_size(name) for name in names) / 1000]

    way = {*files.started_by(_FIRST), *files.started_by(_VIEWER)}
    return {
        "needed": [0.0],
        "path": kilobytes(way),
        "all": kilobytes({name for name in files.names() if name.endswith(".js") and not name.startswith(_OFFLINE)}),
        "foreign": [0.0],
    }
