"""How much script the patient's pages load, from the files themselves: what needs no browser and no clock."""

from typing import Final

from gateway.pages.static import STATIC_FOLDER, StaticFiles

# The last three are asked for later, but by every series of slices.
_WAY: Final = (
    *("js/landing.js", "js/main.js", "js/login.js", "js/studies.js", "js/viewer/viewer.js"),
    *("js/viewer/kinds.js", "js/viewer/marks.js", "js/viewer/cine.js"),
)
_OFFLINE: Final = "offline/"


def script_sizes() -> dict[str, list[float]]:
    """Kilobytes as gzip, by the name of the budget: before the first image, on the patient's way, all there is.

    The patient's way is login, overview and an ordinary series of slices. What only some images need (overlays, saved
    presentations, localizers), comparing, and the doctor's tools come when they are asked for. Nothing is needed before
    the first image, which tests/browser shows with scripts off. The viewer inside of a ZIP archive is no part of it.
    """
    files = StaticFiles(STATIC_FOLDER)

    def kilobytes(names: set[str]) -> list[float]:
        return [sum(files.gzipped_size(name) for name in names) / 1000]

    way = {name for entry in _WAY for name in files.started_by(entry)}
    return {
        "needed": [0.0],
        "path": kilobytes(way),
        "all": kilobytes({name for name in files.names() if name.endswith(".js") and not name.startswith(_OFFLINE)}),
        "foreign": [0.0],
    }
