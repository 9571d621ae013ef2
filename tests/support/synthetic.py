"""Small synthetic instances whose every value a test can choose."""

from io import BytesIO
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, MediaStorageDirectoryStorage, generate_uid


def ct(rows: int = 16, columns: int = 16, number: int = 1, **attributes: Any) -> Dataset:
    """A CT image of an invented patient with a gradient as pixels; `attributes` override by keyword (None deletes)."""
    image = Dataset()
    image.SpecificCharacterSet = "ISO_IR 192"
    image.SOPClassUID = CTImageStorage
    image.SOPInstanceUID = generate_uid()
    image.StudyInstanceUID = generate_uid()
    image.SeriesInstanceUID = generate_uid()
    image.PatientName = "Muster^Erika"
    image.PatientID = "TEST-1"
    image.PatientBirthDate = "19500131"
    image.PatientSex = "F"
    image.StudyDate = "20260102"
    image.StudyTime = "101500"
    image.StudyDescription = "CT Thorax"
    image.AccessionNumber = "A1"
    image.Modality = "CT"
    image.SeriesNumber = 1
    image.SeriesDescription = "axial"
    image.InstanceNumber = number
    image.Rows, image.Columns = rows, columns
    image.SamplesPerPixel = 1
    image.PhotometricInterpretation = "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 16, 15, 1
    image.RescaleIntercept, image.RescaleSlope = "-1024", "1"
    image.WindowCenter, image.WindowWidth = "40", "400"
    pixels = np.arange(rows * columns, dtype=np.int16).reshape(rows, columns) + number
    image.PixelData = pixels.astype("<i2").tobytes()
    image["PixelData"].VR = "OW"
    for keyword, value in attributes.items():
        if value is None:
            delattr(image, keyword)
        else:
            setattr(image, keyword, value)
    return image


def part10(data_set: Dataset, transfer_syntax: str = ExplicitVRLittleEndian) -> bytes:
    """`data_set` as the bytes of a Part 10 file in `transfer_syntax` (native ones only)."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = data_set.get("SOPClassUID", CTImageStorage)
    meta.MediaStorageSOPInstanceUID = data_set.get("SOPInstanceUID", generate_uid())
    meta.TransferSyntaxUID = UID(transfer_syntax)
    data_set.file_meta = meta
    target = BytesIO()
    data_set.save_as(target, enforce_file_format=True)
    return target.getvalue()


def dicomdir(*data_sets: Dataset) -> bytes:
    """A DICOMDIR that names these instances, as files IM1, IM2 ... beside it (PS3.3 F.3)."""
    directory = Dataset()
    directory.SOPClassUID = MediaStorageDirectoryStorage
    directory.DirectoryRecordSequence = []
    for number, data_set in enumerate(data_sets, 1):
        record = Dataset()
        record.DirectoryRecordType = "IMAGE"
        record.ReferencedFileID = ["IMAGES", f"IM{number}"]
        record.ReferencedSOPClassUIDInFile = data_set.SOPClassUID
        record.ReferencedSOPInstanceUIDInFile = data_set.SOPInstanceUID
        directory.DirectoryRecordSequence.append(record)
    return part10(directory)


def bare(data_set: Dataset) -> bytes:
    """`data_set` in Explicit VR Little Endian without file meta information, as C-STORE sends it."""
    content = part10(data_set)
    # Preamble, prefix and the element File Meta Information Group Length take 144 bytes (PS3.10 7.1).
    return content[144 + int.from_bytes(content[140:144], "little") :]
