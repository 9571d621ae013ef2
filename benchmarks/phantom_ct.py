"""What is sent: CT slices of 512 x 512 pixels, 16 bit, with structure and noise, about 530 kB each, and smaller and
larger instances with the same header, of an invented patient."""

from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from storage.data_set.part10 import FileMeta


@dataclass(frozen=True, slots=True)
class Instance:
    """A data set in Explicit VR Little Endian."""

    sop_instance_uid: str
    data_set: bytes

    @property
    def file(self) -> bytes:
        """The same as a DICOM file."""
        return FileMeta(CTImageStorage, self.sop_instance_uid, ExplicitVRLittleEndian).encode() + self.data_set


def slices(count: int) -> list[Instance]:
    """CT slices of one series; the pixels of each differ."""
    random = np.random.default_rng(512)
    base = _header()
    rows, columns = np.mgrid[-1:1:512j, -1:1:512j]
    made = []
    for number in range(count):
        body = (rows**2 + (columns * 1.3) ** 2 < 0.7) * 1000.0 + 200 * np.cos(6 * rows + number / 20)
        pixels = (body + random.normal(0, 20, (512, 512))).astype("<i2")
        made.append(_numbered(base, number, pixels.tobytes()))
    return made


def small(count: int) -> list[Instance]:
    """Instances of about 2.4 kB: the same header without its private block, 24 x 24 pixels."""
    base = _header()
    base.remove_private_tags()
    base.Rows = base.Columns = 24
    return [_numbered(base, number, number.to_bytes(2, "little") * 576) for number in range(count)]


def large(count: int) -> list[Instance]:
    """Multi-frame objects of 1000 frames, 524 MB each."""
    base = _header()
    base.NumberOfFrames = 1000
    return [_numbered(base, number, bytes(range(256)) * 2048 * 1000) for number in range(count)]


def _numbered(base: Dataset, number: int, pixels: bytes) -> Instance:
    base.SOPInstanceUID = generate_uid()
    base.InstanceNumber = number + 1
    base.SliceLocation = f"{number * 1.25:.2f}"
    base.ImagePositionPatient = ["-250", "-250", f"{number * 1.25:.2f}"]
    base.PixelData = pixels
    return Instance(str(base.SOPInstanceUID), _encoded(base))


def _encoded(data_set: Dataset) -> bytes:
    target = DicomBytesIO()
    target.is_little_endian, target.is_implicit_VR = True, False
    write_dataset(target, data_set)
    return target.getvalue()


def _header() -> Dataset:
    header = Dataset()
    header.SpecificCharacterSet = "ISO_IR 100"
    header.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    header.SOPClassUID = CTImageStorage
    header.StudyInstanceUID, header.SeriesInstanceUID = generate_uid(), generate_uid()
    header.FrameOfReferenceUID = generate_uid()
    header.StudyDate = header.SeriesDate = header.AcquisitionDate = header.ContentDate = "20260102"
    header.StudyTime = header.SeriesTime = header.AcquisitionTime = header.ContentTime = "101500.123000"
    header.AccessionNumber, header.StudyID = "BENCH1", "1"
    header.Modality, header.Manufacturer, header.ManufacturerModelName = "CT", "Beispielwerk", "Phantom 1"
    header.InstitutionName, header.StationName = "Musterklinik", "CT1"
    header.StudyDescription, header.SeriesDescription, header.ProtocolName = "CT Thorax", "Thorax 1.25 B70f", "Thorax"
    header.PatientName, header.PatientID = "Muster^Erika", "BENCH-1"
    header.PatientBirthDate, header.PatientSex, header.PatientAge = "19500131", "F", "075Y"
    header.BodyPartExamined, header.PatientPosition, header.ConvolutionKernel = "CHEST", "HFS", "B70f"
    header.KVP, header.XRayTubeCurrent, header.ExposureTime, header.Exposure = "120", 200, 500, 100
    header.SliceThickness, header.SpacingBetweenSlices = "1.25", "1.25"
    header.GantryDetectorTilt, header.TableHeight, header.RotationDirection = "0", "150.5", "CW"
    header.SeriesNumber, header.AcquisitionNumber = 2, 1
    header.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    header.PixelSpacing = ["0.9765625", "0.9765625"]
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "T-D3000", "SRT", "Chest"
    header.AnatomicRegionSequence = Sequence([code])
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.Rows, header.Columns = 512, 512
    header.BitsAllocated, header.BitsStored, header.HighBit, header.PixelRepresentation = 16, 16, 15, 1
    header.WindowCenter, header.WindowWidth = ["40", "-600"], ["400", "1500"]
    header.RescaleIntercept, header.RescaleSlope, header.RescaleType = "-1024", "1", "HU"
    block = header.private_block(0x0019, "BEISPIELWERK CT 1", create=True)
    for offset in range(24):
        block.add_new(offset, "LO", f"private value {offset}")
    header.PixelData = b""
    header["PixelData"].VR = "OW"
    return header
