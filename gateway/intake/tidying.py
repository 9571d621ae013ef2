"""Removes what nobody waits for any more: abandoned uploads, decided ones after a while, folders without a row."""

import logging
from typing import Final

from gateway.intake.quarantine import Quarantine
from gateway.intake.uploads import Uploads

_LOG: Final = logging.getLogger("durchblick.gateway")

INTAKE_TIDY_SECONDS: Final = 600.0


class Tidying:
    """Blocking; safe to run in several processes at once."""

    def __init__(self, uploads: Uploads, quarantine: Quarantine) -> None:
        self._uploads = uploads
        self._quarantine = quarantine

    def work(self) -> int:
        """Remove what is due; returns how many uploads that were."""
        rejected = [upload.id for upload in self._uploads.listed(["rejected"], None)]
        gone = self._uploads.forget()
        # A folder is made only after its row, so one without a row belongs to none.
        strays = self._quarantine.left_behind(self._uploads.known())
        self._quarantine.remove([*rejected, *gone, *strays])
        if gone:
            _LOG.info("uploads_forgotten count=%d", len(gone))
        return len(gone)
