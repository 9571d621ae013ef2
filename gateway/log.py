"""Logs: one line for one event, `time level logger event key=value`, on standard error.

Nothing that came from a patient is logged. Messages of foreign exceptions may quote values of a data set, so only
the type and the place of an exception are written, with the message of our own refusals, which never hold patient data.
"""

import logging
import sys
import time
import warnings
from types import TracebackType
from typing import Final

from storage.errors import Refusal

_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s %(message)s"


class _Lines(logging.Formatter):
    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def formatException(
        self, ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
    ) -> str:
        kind, error, trace = ei
        if kind is None:
            return ""
        message = f": {error}" if isinstance(error, Refusal | OSError) else ""
        return " < ".join([f"exception={kind.__qualname__}{message}", *reversed(_places(trace))])


def _places(trace: TracebackType | None) -> list[str]:
    places = []
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{trace.tb_frame.f_globals.get('__name__', '?')}.{code.co_name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return places


def configure(level: str) -> None:
    """Send every logger of this process to standard error at `level`; libraries only from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines(_FORMAT))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("durchblick").setLevel(level.upper())
    # It quotes values of data sets in its warnings, and gives them to the warnings module too.
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore")
