"""Files that browsers keep rather than show."""

from urllib.parse import quote


def attachment(name: str) -> str:
    """A Content-Disposition with a file's name in any letters (RFC 6266 4.3, RFC 8187 3.2)."""
    return f'attachment; filename="{name}"' if name.isascii() else f"attachment; filename*=UTF-8''{quote(name)}"
