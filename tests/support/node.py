"""The Node that Playwright's driver runs by: the tests need none of the system."""

from pathlib import Path
from typing import Final

import playwright

NODE: Final = Path(playwright.__file__).parent / "driver" / "node"
