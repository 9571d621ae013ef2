"""Waveforms become numbers in their own units, or are left out; nothing that a file says of itself is believed."""

from io import BytesIO
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian

from storage.waveforms import waveforms
from tests.support.corpus import SHARED, needs_shared
from tests.support.synthetic import part10
from tests.support.waveforms import ecg


def _values(data_set: Dataset, syntax: str = ExplicitVRLittleEndian) -> list[list[float]]:
    (found,) = waveforms(BytesIO(part10(data_set, syntax)))
    return [channel.values.tolist() for channel in found.channels]


def test_values_are_in_the_unit_that_is_named() -> None:
    data_set = ecg(np.array([[0, 100], [10, -100]], "<i2"))
    first = data_set.WaveformSequence[0].ChannelDefinitionSequence[0]
    first.ChannelSensitivity, first.ChannelSensitivityCorrectionFactor, first.ChannelBaseline = "2.5", "2", "1"
    (found,) = waveforms(BytesIO(part10(data_set)))
    assert (found.frequency, found.seconds) == (500, 2 / 500)
    assert [(one.name, one.unit) for one in found.channels] == [("I", "uV"), ("II", "uV")]
    assert found.channels[0].values.tolist() == [5, 55]
    assert found.channels[1].values.tolist() == [100, -100]


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
@pytest.mark.parametrize("count", [4, 2000], ids=["inline", "bulk data"])
def test_every_encoding_says_the_same(syntax: str, count: int) -> None:
    samples = np.arange(2 * count, dtype="<i2").reshape(count, 2)
    data_set = ecg(samples)
    if syntax == ExplicitVRBigEndian:
        data_set.WaveformSequence[0].WaveformData = samples.astype(">i2").tobytes()
    assert _values(data_set, syntax) == samples.T.tolist()


@pytest.mark.parametrize(
    ("bits", "interpretation", "dtype"),
    [(8, "SB", "i1"), (8, "UB", "u1"), (16, "US", "<u2"), (32, "SL", "<i4"), (32, "UL", "<u4")],
)
def test_every_kind_of_number(bits: int, interpretation: str, dtype: str) -> None:
    samples = np.array([[1, 2], [3, 4]], dtype)
    data_set = ecg(samples)
    group = data_set.WaveformSequence[0]
    group.WaveformBitsAllocated, group.WaveformSampleInterpretation = bits, interpretation
    group["WaveformData"].VR = "OB" if bits == 8 else "OW"
    assert _values(data_set) == [[1, 3], [2, 4]]


@pytest.mark.parametrize(
    ("law", "codes", "expected"),
    [("MB", [0xFF, 0x7F, 0x80, 0x00], [0, 0, 32124, -32124]), ("AB", [0xD5, 0x55, 0xAA, 0x2A], [8, -8, 32256, -32256])],
)
def test_companded_numbers_are_expanded(law: str, codes: list[int], expected: list[int]) -> None:
    data_set = ecg(np.array(codes, "u1").reshape(2, 2))
    group = data_set.WaveformSequence[0]
    group.WaveformBitsAllocated, group.WaveformSampleInterpretation = 8, law
    group["WaveformData"].VR = "OB"
    first, second = _values(data_set)
    assert [first[0], second[0], first[1], second[1]] == expected


def test_padding_is_a_gap() -> None:
    data_set = ecg(np.array([[-32768, 1], [5, -32768]], "<i2"))
    group = data_set.WaveformSequence[0]
    group.WaveformPaddingValue = np.array([-32768], "<i2").tobytes()
    first, second = _values(data_set)
    assert np.isnan(first[0]) and first[1] == 5 and np.isnan(second[1])


@pytest.mark.parametrize(
    "wrong",
    [
        {"NumberOfWaveformChannels": 0},
        {"NumberOfWaveformChannels": 60000},
        {"NumberOfWaveformChannels": 3},
        {"NumberOfWaveformSamples": 0},
        {"SamplingFrequency": "0"},
        {"SamplingFrequency": "-1"},
        {"SamplingFrequency": None},
        {"WaveformSampleInterpretation": "XX"},
        {"WaveformBitsAllocated": 12},
        {"WaveformData": b""},
        {"ChannelDefinitionSequence": None},
    ],
    ids=lambda wrong: " ".join(f"{name} {value!r}" for name, value in wrong.items()),
)
def test_what_makes_no_sense_is_left_out(wrong: dict[str, Any]) -> None:
    data_set = ecg(np.zeros((4, 2), "<i2"))
    for keyword, value in wrong.items():
        setattr(data_set.WaveformSequence[0], keyword, value)
    assert waveforms(BytesIO(part10(data_set))) == []


def test_more_samples_announced_than_there_are() -> None:
    data_set = ecg(np.ones((4, 2), "<i2"))
    data_set.WaveformSequence[0].NumberOfWaveformSamples = 2**31
    assert _values(data_set) == [[1] * 4, [1] * 4]


@needs_shared
@pytest.mark.parametrize("name", ["gen_ecg_12lead.dcm", "waveform_hemodynamic_deflated.dcm"])
def test_real_files_equal_pydicom(name: str) -> None:
    path = SHARED / "objects" / name
    data_set = pydicom.dcmread(path)
    with path.open("rb") as file:
        found = waveforms(file)
    assert len(found) == len(data_set.WaveformSequence)
    for number, waveform in enumerate(found):
        expected = data_set.waveform_array(number)
        ours = np.stack([channel.values for channel in waveform.channels], axis=1)
        np.testing.assert_allclose(ours, expected, rtol=1e-6, atol=1e-6)
