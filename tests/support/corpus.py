"""Real files to test with: pydicom's bundled ones everywhere, the shared data set where it lies beside the checkout."""

import os
from pathlib import Path
from typing import Final

import pydicom
import pytest

_CHECKOUT: Final = Path(__file__).resolve().parents[2]
SHARED: Final = Path(os.environ.get("DURCHBLICK_TEST_DATA", _CHECKOUT.parent / "shared" / "data"))

needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared test data do not lie beside the checkout")


def shared(*folders: str) -> list[Path]:
    """Every file below these folders of the shared data, sorted; nothing where the data are absent."""
    files = (path for folder in folders for path in (SHARED / folder).rglob("*"))
    return sorted(path for path in files if path.is_file())


def bundled() -> list[Path]:
    """The DICOM files that come inside pydicom itself (its own search would also try to download)."""
    return sorted((Path(pydicom.__file__).parent / "data").rglob("*.dcm"))
