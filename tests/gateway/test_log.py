"""What a log line looks like, and what never gets into one."""

import logging
import warnings

import pytest

from gateway import log
from storage.errors import CannotUnderstand


@pytest.fixture(autouse=True)
def _restored() -> object:
    root = logging.getLogger()
    before = root.handlers, root.level
    yield
    root.handlers, root.level = before


def _logged(capsys: pytest.CaptureFixture[str], error: Exception) -> str:
    log.configure("info")
    try:
        raise error
    except Exception:
        logging.getLogger("durchblick.gateway").exception("job_failed job=%s", "warm")
    return capsys.readouterr().err


def test_an_exception_is_its_type_and_place_without_its_message(capsys: pytest.CaptureFixture[str]) -> None:
    line = _logged(capsys, ValueError("Muster^Erika has no number"))
    assert "ERROR durchblick.gateway job_failed job=warm" in line
    assert "exception=ValueError" in line
    assert f"{__name__}._logged:" in line
    assert "Muster" not in line


def test_our_own_refusals_keep_their_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert "exception=CannotUnderstand: cut short" in _logged(capsys, CannotUnderstand("cut short"))


def test_libraries_that_quote_values_are_silent(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("debug")
    logging.getLogger("pydicom").error("Muster^Erika")
    with warnings.catch_warnings(record=True) as told:
        log.configure("debug")
        warnings.warn("Invalid value for VR PN: 'Muster^Erika'", stacklevel=1)
    assert told == []
    logging.getLogger("durchblick.dimse").debug("associated")
    said = capsys.readouterr().err
    assert "associated" in said
    assert "Muster" not in said
