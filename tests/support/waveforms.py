"""Waveforms of an invented patient (PS3.3 A.34)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import UID

from tests.support.synthetic import ct

_LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")


def ecg(samples: NDArray[Any], frequency: float = 500, **attributes: Any) -> Dataset:
    """A 12-lead ECG of `samples` (rows: moments, columns: leads) in microvolts."""
    data_set = ct(SOPClassUID=UID("1.2.840.10008.5.1.4.1.1.9.1.1"), PixelData=None, **{**attributes, "Modality": "ECG"})
    for keyword in ("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "SamplesPerPixel"):
        delattr(data_set, keyword)
    group = Dataset()
    group.WaveformOriginality, group.SamplingFrequency = "ORIGINAL", str(frequency)
    group.NumberOfWaveformSamples, group.NumberOfWaveformChannels = samples.shape
    group.ChannelDefinitionSequence = [_channel(_LEADS[at]) for at in range(samples.shape[1])]
    group.WaveformBitsAllocated, group.WaveformSampleInterpretation = 16, "SS"
    group.WaveformData = samples.tobytes()
    group["WaveformData"].VR = "OW"
    data_set.WaveformSequence = [group]
    return data_set


def heartbeats(seconds: float = 10, frequency: int = 500, leads: int = 12) -> NDArray[np.int16]:
    """Beats that look a little like a heart's, one a second, in microvolts."""
    phase = (np.arange(int(seconds * frequency)) / frequency) % 1
    waves = ((0.2, 0.025, 120), (0.36, 0.008, -120), (0.4, 0.012, 1000), (0.44, 0.01, -250), (0.65, 0.04, 250))
    beat = sum(height * np.exp(-(((phase - at) / width) ** 2)) for at, width, height in waves)
    return np.stack([beat * (1 - 0.15 * lead) for lead in range(leads)], axis=1).astype("<i2")


def _channel(lead: str) -> Dataset:
    channel, source, unit = Dataset(), Dataset(), Dataset()
    source.CodeValue, source.CodingSchemeDesignator, source.CodeMeaning = lead, "SCPECG", f"Lead {lead}"
    unit.CodeValue, unit.CodingSchemeDesignator, unit.CodeMeaning = "uV", "UCUM", "microvolt"
    channel.ChannelLabel, channel.ChannelSourceSequence = lead, [source]
    channel.ChannelSensitivity, channel.ChannelSensitivityUnitsSequence = "1", [unit]
    channel.ChannelSensitivityCorrectionFactor, channel.ChannelBaseline = "1", "0"
    channel.WaveformBitsStored = 16
    return channel
