"""The same storage behind the same routes as in tests/dicomweb."""

from tests.dicomweb.conftest import callers, decoders, keep, storage

__all__ = ["callers", "decoders", "keep", "storage"]
