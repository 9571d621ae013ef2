"""Which SOP classes are instances of (PS3.6 table A-1)."""

from functools import lru_cache

from pydicom.config import IGNORE
from pydicom.uid import UID

from storage.identifiers import is_uid


@lru_cache(maxsize=1024)
def is_storage(abstract_syntax: str) -> bool:
    """Whether instances may come under this abstract syntax: a storage SOP class, or a UID nobody registered.

    PS3.6 table A-1 names every storage SOP class "... Storage"; the exceptions are Storage Commitment and the DICOMDIR,
    which is no instance of the network (PS3.4 annex B.5). Private and future classes are not in the table.
    """
    if not is_uid(abstract_syntax):
        return False
    # Otherwise pydicom would warn of what a peer made up, quote it, and remember each such warning for ever.
    uid = UID(abstract_syntax, validation_mode=IGNORE)
    if uid.is_private or uid.name == uid:
        return True
    is_class = uid.type == "SOP Class" and " Storage" in uid.name
    return is_class and not uid.name.startswith(("Storage Commitment", "Media Storage Directory"))
