"""Waveforms on millimetre paper: 25 mm for a second, 10 mm for a millivolt where they are electric (IEC 60601-2-25)."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from storage.waveforms import Channel, Waveform

_SPEED: Final = 25.0
_GAIN: Final = 10.0
LONGEST: Final = 60.0
"""Seconds of a recording that are drawn; a day of it would be too much for any page."""

_STEP: Final = 0.2  # mm; one column of a curve
_HIGHEST: Final = 80.0
_LOWEST: Final = 15.0
_ROOM: Final = 35.0
_MARGIN: Final = 2.5
_VOLTS: Final = {"V": 1000.0, "mV": 1.0, "uV": 0.001, "nV": 0.000001}
_NICE: Final = (1.0, 2.0, 5.0)

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Curve:
    """One channel as it is drawn: `path` in tenths of a millimetre, `width` and `height` of the paper in millimetres.

    `low` and `high` are the least and the greatest value in `unit`; `scale` is how many of them are 10 mm high.
    """

    name: str
    unit: str
    scale: float
    low: float
    high: float
    width: int
    height: int
    path: str


def curves(waveform: Waveform) -> list[Curve]:
    """Every channel of the first minute of `waveform` that has any value."""
    count = max(int(min(waveform.seconds, LONGEST) * waveform.frequency), 2)
    drawn = (_curve(channel, channel.values[:count], waveform.frequency) for channel in waveform.channels)
    return [curve for curve in drawn if curve is not None]


def _curve(channel: Channel, values: Numbers, frequency: float) -> Curve | None:
    known = values[np.isfinite(values)]
    if not len(known):
        return None
    unit, factor = ("mV", _VOLTS[channel.unit]) if channel.unit in _VOLTS else (channel.unit, 1.0)
    low, high = float(known.min()) * factor, float(known.max()) * factor
    gain = _GAIN if unit == "mV" else _gain(high - low)
    # Electric zero lies in the middle of what is drawn, so that an offset does not push the curve off the paper.
    middle = (low + high) / 2
    height = min(max((high - low) * gain + 2 * _MARGIN, _LOWEST), _HIGHEST)
    height = 5 * int(-(-height // 5))
    y = height / 2 - (values * factor - middle) * gain
    width = 5 * int(-(-len(values) / frequency * _SPEED // 5))
    return Curve(
        name=channel.name,
        unit=unit,
        scale=10 / gain,
        low=low,
        high=high,
        width=width,
        height=height,
        path=_path(np.clip(y, 0, height), frequency),
    )


def _gain(spread: float) -> float:
    """Millimetres for one unit: a round number, so that what is drawn has room."""
    if spread <= 0:
        return 1.0
    most = _ROOM / spread
    power = 10.0 ** np.floor(np.log10(most))
    return float(max(nice * power for nice in _NICE if nice * power <= most))


def _path(y: Numbers, frequency: float) -> str:
    """The line through `y` (millimetres, NaN for a gap); where values lie closer than columns, their extremes."""
    per_column = max(int(frequency * _STEP / _SPEED), 1)
    x: Numbers = np.arange(len(y), dtype=np.float64) * (_SPEED / frequency)
    if per_column > 1:
        x, y = _extremes(x, y, per_column)
    parts: list[str] = []
    down = False
    for across, height in zip(np.rint(x * 10).astype(int).tolist(), (y * 10).tolist(), strict=True):
        if height != height:
            down = False
            continue
        parts.append(f"{'L' if down else 'M'}{across} {round(height)}")
        down = True
    return "".join(parts)


def _extremes(x: Numbers, y: Numbers, count: int) -> tuple[Numbers, Numbers]:
    """Least and greatest of every `count` values, in the order in which they come."""
    columns = len(y) // count
    table = y[: columns * count].reshape(columns, count)
    filled = np.where(np.isfinite(table), table, np.inf)
    low = filled.argmin(axis=1)
    high = np.where(np.isfinite(table), table, -np.inf).argmax(axis=1)
    order = np.sort(np.stack((low, high), axis=1), axis=1)
    at = (np.arange(columns)[:, np.newaxis] * count + order).ravel()
    return x[at], y[at]
