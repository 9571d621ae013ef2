"""Waveforms (PS3.3 C.10.9): the channels of each multiplex group in their own units, as numbers to draw."""

from base64 import b64decode
from dataclasses import dataclass
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from storage.data_set import dicom_json, part10
from storage.data_set.json_values import Json, first, items, values

Numbers = NDArray[np.float64]

_SEQUENCE: Final = "54000100"
_DATA: Final = "54001010"
_CHANNELS, _SAMPLES, _FREQUENCY, _DEFINITIONS = "003A0005", "003A0010", "003A001A", "003A0200"
_BITS, _INTERPRETATION, _PADDING = "54001004", "54001006", "5400100A"
_LABEL, _SOURCE, _MEANING, _CODE = "003A0203", "003A0208", "00080104", "00080100"
_SENSITIVITY, _UNITS, _CORRECTION, _BASELINE = "003A0210", "003A0211", "003A0212", "003A0213"
_BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
# Waveform Sample Interpretation (C.10.9.1.5) with Waveform Bits Allocated.
_KINDS: Final = {
    ("SB", 8): "i1",
    ("UB", 8): "u1",
    ("SS", 16): "i2",
    ("US", 16): "u2",
    ("SL", 32): "i4",
    ("UL", 32): "u4",
}
_COMPANDED: Final = ("MB", "AB")
_MOST_CHANNELS: Final = 256
_MOST_NUMBERS: Final = 20_000_000


@dataclass(frozen=True, slots=True)
class Channel:
    """One curve: what it is called, the unit of its values, and the values; NaN where there is none."""

    name: str
    unit: str
    values: Numbers


@dataclass(frozen=True, slots=True)
class Waveform:
    """One multiplex group: channels of the same length, `frequency` values a second."""

    frequency: float
    channels: tuple[Channel, ...]

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.channels[0].values) / self.frequency


def waveforms(file: BinaryIO) -> list[Waveform]:
    """Every multiplex group of the instance in `file` that says what its numbers mean; the others are left out.

    Raises `CannotUnderstand` for what is no DICOM file.
    """
    read = part10.read(file)
    json, places = dicom_json.model(read)
    order = ">" if read.meta.transfer_syntax_uid == _BIG_ENDIAN else "<"
    found = []
    for position, group in enumerate(values(json, _SEQUENCE)):
        place = places.get(f"{_SEQUENCE}/{position}/{_DATA}")
        if place:
            data = bytes(read.buffer[place[0] : place[0] + place[1]])
            found.append(_waveform(group, data, order))
        else:
            found.append(_waveform(group, b64decode(group.get(_DATA, {}).get("InlineBinary", "")), "<"))
    return [one for one in found if one is not None]


def _waveform(group: Json, data: bytes, order: str) -> Waveform | None:
    frequency, count = _number(group, _FREQUENCY), int(_number(group, _CHANNELS))
    definitions = values(group, _DEFINITIONS)
    samples = _samples(group, data, order)
    if samples is None or not 0 < count <= _MOST_CHANNELS or len(definitions) < count or not 0 < frequency < 1e6:
        return None
    announced = int(_number(group, _SAMPLES))
    length = min(announced, len(samples) // count, _MOST_NUMBERS // count)
    if length < 2:
        return None
    table = samples[: length * count].reshape(length, count)
    return Waveform(frequency, tuple(_channel(definitions[at], table[:, at], at) for at in range(count)))


def _samples(group: Json, data: bytes, order: str) -> Numbers | None:
    bits, interpretation = int(_number(group, _BITS)), _text(group, _INTERPRETATION)
    if interpretation in _COMPANDED and bits == 8:
        return _expanded(np.frombuffer(data, np.uint8), interpretation)
    kind = _KINDS.get((interpretation, bits))
    if kind is None:
        return None
    stored = np.frombuffer(data[: len(data) // (bits // 8) * (bits // 8)], order + kind)
    numbers = stored.astype(np.float64)
    padding = group.get(_PADDING, {}).get("InlineBinary")
    if padding:
        absent = np.frombuffer(b64decode(padding)[: bits // 8], "<" + kind)
        numbers[np.isin(stored, absent)] = np.nan
    return numbers


def _expanded(codes: NDArray[np.uint8], law: str) -> Numbers:
    """8 bit mu-law or A-law as linear numbers (ITU-T G.711)."""
    code = (~codes if law == "MB" else codes ^ 0x55).astype(np.int32)
    exponent, mantissa = (code >> 4) & 7, code & 15
    if law == "MB":
        size = (((mantissa << 3) + 132) << exponent) - 132
        return np.where(code & 0x80, -size, size).astype(np.float64)
    size = np.where(exponent == 0, (mantissa << 4) + 8, ((mantissa << 4) + 264) << np.maximum(exponent - 1, 0))
    return np.where(code & 0x80, size, -size).astype(np.float64)


def _channel(definition: Json, stored: Numbers, position: int) -> Channel:
    """(sample + baseline) * sensitivity * correction (C.10.9.1.4.6 and following)."""
    source = next(iter(items(definition, _SOURCE)), {})
    units = next(iter(items(definition, _UNITS)), {})
    name = _text(definition, _LABEL) or _text(source, _MEANING) or str(position + 1)
    factor = _number(definition, _SENSITIVITY, 1.0) * _number(definition, _CORRECTION, 1.0)
    unit = _text(units, _CODE) if _SENSITIVITY in definition else ""
    return Channel(name, unit, (stored + _number(definition, _BASELINE)) * factor)


def _text(json: Json, tag: str) -> str:
    return str(first(json, tag) or "").strip()


def _number(json: Json, tag: str, absent: float = 0.0) -> float:
    """The first value as a finite number, `absent` where there is none."""
    try:
        found = float(_text(json, tag) or absent)
    except ValueError:
        return absent
    return found if abs(found) < 1e12 else absent
