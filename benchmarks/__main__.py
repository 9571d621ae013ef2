"""One measurement by its name: `python -m benchmarks [NAME] [its options]`; without a name it is `ingest`."""

import importlib
import sys
from collections.abc import Sequence
from typing import Final

MEASUREMENTS: Final = (
    *("ingest", "resting", "query"),
    *("qido", "curve", "stow", "large_store", "retrieve", "rendered", "zip", "downloads", "viewer"),
)


def main(arguments: Sequence[str]) -> None:
    """Run it. SystemExit when there is none of this name."""
    name, *rest = arguments if arguments and not arguments[0].startswith("-") else (MEASUREMENTS[0], *arguments)
    if name not in MEASUREMENTS:
        raise SystemExit(f"There is no measurement {name}; there are {', '.join(MEASUREMENTS)}.")
    importlib.import_module(f"benchmarks.{name}").main(rest)


if __name__ == "__main__":
    main(sys.argv[1:])
