"""The ICC profiles that PS3.18 8.3.5.1.5 names, made from the numbers that define their spaces (ICC.1:2001-04)."""

from functools import lru_cache
from struct import pack
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Chromaticities of red, green, blue and white, and the gamma; "srgb" has the curve of IEC 61966-2-1 instead.
_SPACES: Final = {
    "srgb": ("sRGB", (0.64, 0.33), (0.30, 0.60), (0.15, 0.06), (0.3127, 0.3290), 0.0),
    "adobergb": ("Adobe RGB (1998) compatible", (0.64, 0.33), (0.21, 0.71), (0.15, 0.06), (0.3127, 0.3290), 563 / 256),
    "rommrgb": ("ROMM RGB", (0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001), (0.3457, 0.3585), 1.8),
}
_D50: Final = np.array([0.9642, 1.0, 0.8249])
_BRADFORD: Final = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_CURVE_POINTS: Final = 1024


@lru_cache(maxsize=8)
def matrix_profile(name: str) -> bytes:
    """A display profile of version 2 of the space `name`: "srgb", "adobergb" or "rommrgb"."""
    description, red, green, blue, white, gamma = _SPACES[name]
    columns = _adapted(np.array([_xyz(one) for one in (red, green, blue)]).T, _xyz(white))
    tags = {b"desc": _text(description), b"cprt": b"text\0\0\0\0No copyright\0", b"wtpt": _point(_D50)}
    tags |= {tag: _point(column) for tag, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns.T, strict=True)}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), _curve(gamma))
    return _assembled(tags)


def _xyz(chromaticity: tuple[float, float]) -> Floats:
    x, y = chromaticity
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _adapted(primaries: Floats, white: Floats) -> Floats:
    """Columns of the primaries so that they add up to `white`, then seen under D50 (ICC.1 annex E)."""
    scaled = primaries * np.linalg.solve(primaries, white)
    gain = np.diag((_BRADFORD @ _D50) / (_BRADFORD @ white))
    return np.asarray(np.linalg.inv(_BRADFORD) @ gain @ _BRADFORD @ scaled)


def _curve(gamma: float) -> bytes:
    if gamma:
        return b"curv\0\0\0\0" + pack(">LHxx", 1, round(gamma * 256))
    at = np.linspace(0.0, 1.0, _CURVE_POINTS)
    linear = np.where(at <= 0.04045, at / 12.92, ((at + 0.055) / 1.055) ** 2.4)
    return b"curv\0\0\0\0" + pack(">L", _CURVE_POINTS) + bytes(np.rint(linear * 65535).astype(">u2").data)


def _point(xyz: Floats) -> bytes:
    return b"XYZ \0\0\0\0" + np.rint(xyz * 65536).astype(">i4").tobytes()


def _text(description: str) -> bytes:
    ascii_text = description.encode("ascii") + b"\0"
    # The Unicode and Macintosh forms of the text stay empty.
    return b"desc\0\0\0\0" + pack(">L", len(ascii_text)) + ascii_text + bytes(8 + 3 + 67)


def _assembled(tags: dict[bytes, bytes]) -> bytes:
    """Header of 128 bytes, table of tags, and their data on four-byte boundaries; equal data are there once."""
    offset, table, data, known = 128 + 4 + 12 * len(tags), b"", b"", dict[bytes, int]()
    for tag, content in tags.items():
        if content not in known:
            known[content] = offset + len(data)
            data += content + bytes(-len(content) % 4)
        table += pack(">4sLL", tag, known[content], len(content))
    body = pack(">L", len(tags)) + table + data
    head = pack(">L4xL4s4s4s12s4s", 128 + len(body), 0x02100000, b"mntr", b"RGB ", b"XYZ ", bytes(12), b"acsp")
    head += bytes(28) + bytes(np.rint(_D50 * 65536).astype(">i4").data)
    return head.ljust(128, b"\0") + body
