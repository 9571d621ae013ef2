"""What every test may ask for."""

import gc
from collections.abc import Iterator

import pytest

from tests.support.gateway import Gateway, running

# What collecting makes stays until the end. To look through its million objects for garbage was a third of its time.
gc.disable()


def pytest_collection_finish() -> None:
    """Look for garbage from now on, in what tests make only."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One whole gateway for all tests of a process; each test uses patients and UIDs of its own."""
    with running(tmp_path_factory.mktemp("gateway")) as started:
        yield started


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what tests have counted (`record_property`): a green run shows how much it has looked at."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, figure in report.user_properties if report.when == "call" else ():
                terminalreporter.write_line(f"{name}: {figure}")
