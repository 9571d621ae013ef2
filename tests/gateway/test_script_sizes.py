"""The viewer's budgets that need no clock: `make bench-viewer` measures the others."""

import pytest

from benchmarks.script_sizes import script_sizes
from benchmarks.viewer import BUDGETS


@pytest.mark.parametrize("name", ["path", "all"])
def test_script_stays_within_its_budget(name: str) -> None:
    sizes = script_sizes()[name]
    assert sizes[0] > 1 and BUDGETS[name].is_kept(sizes), f"{sizes[0]:.1f} kB gzip of {BUDGETS[name].bar}"
