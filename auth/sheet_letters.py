"""The letters that the typefaces of a PDF have without bringing one along: those of Windows-1252."""

import unicodedata


def set_letter(character: str) -> str:
    """`character` as these typefaces have it, its accents dropped where they must; "" where nothing is like it."""
    for candidate in (character, unicodedata.normalize("NFKD", character)):
        if kept := candidate.encode("cp1252", "ignore").decode("cp1252"):
            return kept
    return ""
