"""Malware scanners of the tests: scripts that find a harmless marker, fail, or never end."""

from pathlib import Path
from typing import Final

MARKER: Final = b"DURCHBLICK-TEST-MALWARE"
"""What stands for malware; no real scanner knows it."""

FINDS: Final = f"""
echo $# >>"$0.runs"
if found=$(grep -l {MARKER.decode()} "$@"); then echo "$found: Test-Malware FOUND"; exit 1; fi"""
FAILS: Final = "exit 2"
DIES: Final = "kill -9 $$"
HANGS: Final = 'exec 3>"$0.held"; echo hanging >&3; sleep 600 & wait'
"""With all that it has started it holds that file open: a FIFO there tells when they are gone."""


def scanner(folder: Path, does: str) -> Path:
    """The script that `does` so, in the place of the one before."""
    script = folder / "scanner"
    script.write_text(f"#!/bin/sh\n{does}\n", encoding="utf-8")
    script.chmod(0o700)
    return script
