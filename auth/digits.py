"""Digits of other keyboards: what patients type is read alike, whichever they have."""

from typing import Final

DIGITS: Final = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "0123456789" * 2)
"""Those of Arabic and Persian keyboards, for `str.translate`."""
