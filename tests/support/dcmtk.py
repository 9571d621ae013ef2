"""DCMTK's programs as peers."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.support.patience import PATIENCE


def program(name: str) -> str:
    """The path of a DCMTK program. Without it a test is skipped, or fails where CI says that nothing may be missing."""
    # pynetdicom brings scripts of the same names into the environment's own folder.
    own = Path(sys.executable).parent
    folders = [folder for folder in os.environ["PATH"].split(os.pathsep) if Path(folder) != own]
    found = shutil.which(name, path=os.pathsep.join(folders))
    if found is None:
        message = f"DCMTK's {name} is not installed (Debian: apt-get install dcmtk)"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return found


def run(name: str, *arguments: str, port: int, files: Iterable[Path] = ()) -> subprocess.CompletedProcess[str]:
    """Run a DCMTK network program against a port of the loopback interface, at most for a minute."""
    command = [program(name), *arguments, "127.0.0.1", str(port), *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, errors="replace", check=False)
