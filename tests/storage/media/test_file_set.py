"""File-sets and their DICOMDIR, read back by pydicom and DCMTK."""

import gc
import re
import subprocess
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.fileset import FileSet as ReadBack
from pydicom.uid import (
    BasicTextSRStorage,
    EncapsulatedPDFStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    HangingProtocolStorage,
    RawDataStorage,
    generate_uid,
)

from storage.media.dicomdir import encode_dicomdir, instances_named
from storage.media.file_set import FileSet
from storage.media.record_types import KEYS, record_type
from storage.scope import ListedStudies, StudyScope, WholeArchive
from tests.support.dcmtk import program
from tests.support.keeping import Keeping
from tests.support.synthetic import ct, dicomdir, part10

STUDY, SERIES = generate_uid(), generate_uid()


def code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
    return item


def without_pixels(sop_class: str, modality: str, **attributes: Any) -> Dataset:
    """An instance of another kind in the same study."""
    instance = ct(StudyInstanceUID=STUDY, SOPClassUID=sop_class, Modality=modality, SeriesNumber=9, **attributes)
    for keyword in ("PixelData", "Rows", "Columns", "BitsAllocated"):
        delattr(instance, keyword)
    return instance


def report() -> Dataset:
    title, modifier, finding = Dataset(), Dataset(), Dataset()
    title = code("126000", "Imaging Measurement Report")
    modifier.RelationshipType, modifier.ValueType = "HAS CONCEPT MOD", "TEXT"
    modifier.TextValue = "Größe"
    finding.RelationshipType, finding.ValueType, finding.TextValue = "CONTAINS", "TEXT", "only in the file"
    return without_pixels(
        BasicTextSRStorage,
        "SR",
        CompletionFlag="COMPLETE",
        VerificationFlag="UNVERIFIED",
        ContentDate="20260102",
        ContentTime="101600",
        ConceptNameCodeSequence=[title],
        ContentSequence=[modifier, finding],
    )


def file_set(keeping: Keeping, scope: StudyScope | None = None, *studies: str) -> FileSet:
    scope = scope or WholeArchive()
    records = [record for study in studies or (STUDY,) for record in keeping.index.instances(scope, study)]
    return FileSet.of(keeping.database, scope, records)


def directory_of(files: FileSet, **sent: Any) -> Dataset:
    return pydicom.dcmread(BytesIO(files.dicomdir(**sent)))


def types_of(directory: Dataset) -> list[str]:
    return [record.DirectoryRecordType for record in directory.DirectoryRecordSequence]


def test_names_are_file_ids_without_anything_of_the_patient(keeping: Keeping) -> None:
    """PS3.10 8.2 and 8.5: up to 8 components of up to 8 characters A-Z, 0-9 and underscore."""
    for number in (1, 2):
        keeping.put(ct(number=number, StudyInstanceUID=STUDY, SeriesInstanceUID=SERIES))
    keeping.put(ct(StudyInstanceUID=STUDY, SeriesNumber=2))
    names = [file.name for file in file_set(keeping).files]
    assert names == [
        f"DICOM/ST000001/SE{series}/IN{number}"
        for series, number in (("000001", "000001"), ("000001", "000002"), ("000002", "000001"))
    ]
    assert all(re.fullmatch(r"[A-Z0-9_]{1,8}(/[A-Z0-9_]{1,8}){0,7}", name) for name in names)


def test_a_directory_holds_patient_study_series_and_images(keeping: Keeping) -> None:
    """PS3.3 F.4 and F.5."""
    stored = [keeping.put(ct(number=number, StudyInstanceUID=STUDY, SeriesInstanceUID=SERIES)) for number in (1, 2)]
    directory = directory_of(file_set(keeping))
    assert directory.file_meta.MediaStorageSOPClassUID.name == "Media Storage Directory Storage"
    patient, study, series, *images = directory.DirectoryRecordSequence
    assert types_of(directory) == ["PATIENT", "STUDY", "SERIES", "IMAGE", "IMAGE"]
    assert (patient.PatientName, patient.PatientID) == ("Muster^Erika", "TEST-1")
    assert (study.StudyDate, study.StudyTime, study.AccessionNumber) == ("20260102", "101500", "A1")
    assert (study.StudyInstanceUID, study.StudyDescription, study.StudyID) == (STUDY, "CT Thorax", "1")
    assert (series.Modality, series.SeriesInstanceUID, series.SeriesNumber) == ("CT", SERIES, 1)
    assert [image.InstanceNumber for image in images] == [1, 2]
    assert [image.ReferencedSOPInstanceUIDInFile for image in images] == [one.sop_instance_uid for one in stored]
    assert images[0].ReferencedFileID == ["DICOM", "ST000001", "SE000001", "IN000001"]
    assert images[0].ReferencedTransferSyntaxUIDInFile == "1.2.840.10008.1.2.1"


def test_offsets_lead_through_the_tree(keeping: Keeping) -> None:
    """PS3.3 F.2.2: each record names the next one of its entity and the first of the one below."""
    for series in range(3):
        for number in range(2):
            keeping.put(
                ct(number=number, StudyInstanceUID=STUDY, SeriesNumber=series, SeriesInstanceUID=f"1.2.{series}")
            )
    keeping.put(report())
    directory = directory_of(file_set(keeping))
    by_offset = {record.seq_item_tell: record for record in directory.DirectoryRecordSequence}

    def chain(offset: int) -> list[Dataset]:
        found = []
        while offset:
            found.append(by_offset[offset])
            offset = found[-1].OffsetOfTheNextDirectoryRecord
        return found

    (patient,) = chain(directory.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity)
    assert directory.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity == patient.seq_item_tell
    (study,) = chain(patient.OffsetOfReferencedLowerLevelDirectoryEntity)
    of_study = chain(study.OffsetOfReferencedLowerLevelDirectoryEntity)
    leaves = [chain(one.OffsetOfReferencedLowerLevelDirectoryEntity) for one in of_study]
    assert [len(below) for below in leaves] == [2, 2, 2, 1]
    assert leaves[-1][0].DirectoryRecordType == "SR DOCUMENT"
    assert all(not leaf.OffsetOfReferencedLowerLevelDirectoryEntity for below in leaves for leaf in below)


def test_a_report_is_told_by_its_title_not_by_its_content(keeping: Keeping) -> None:
    """PS3.3 F.5.26."""
    keeping.put(report())
    record = directory_of(file_set(keeping)).DirectoryRecordSequence[-1]
    assert (record.DirectoryRecordType, record.CompletionFlag) == ("SR DOCUMENT", "COMPLETE")
    assert record.ConceptNameCodeSequence[0].CodeMeaning == "Imaging Measurement Report"
    assert [item.TextValue for item in record.ContentSequence] == ["Größe"]


def test_other_kinds_have_their_own_records(keeping: Keeping) -> None:
    """PS3.3 table F.4-1."""
    keeping.put(
        without_pixels(
            EncapsulatedPDFStorage,
            "DOC",
            MIMETypeOfEncapsulatedDocument="application/pdf",
            DocumentTitle="Befund",
            EncapsulatedDocument=bytes(5000),
        )
    )
    keeping.put(without_pixels(GrayscaleSoftcopyPresentationStateStorage, "PR", ContentLabel="VIEW"))
    keeping.put(without_pixels(RawDataStorage, "OT"))
    keeping.put(without_pixels("1.2.826.0.1.3680043.2.1", "OT"))
    keeping.put(without_pixels(HangingProtocolStorage, "OT", HangingProtocolCreator="Site"))
    directory = directory_of(file_set(keeping))
    assert sorted(types_of(directory)) == sorted(
        ["PATIENT", "STUDY", *["SERIES"] * 4, "ENCAP DOC", "PRESENTATION", "RAW DATA", "PRIVATE", "HANGING PROTOCOL"]
    )
    by_type = {record.DirectoryRecordType: record for record in directory.DirectoryRecordSequence}
    assert by_type["ENCAP DOC"].DocumentTitle == "Befund"
    assert by_type["PRESENTATION"].ContentLabel == "VIEW"
    assert by_type["PRIVATE"].PrivateRecordUID == "1.2.826.0.1.3680043.2.1"
    assert by_type["HANGING PROTOCOL"].HangingProtocolCreator == "Site"


def test_every_type_that_a_class_can_have_is_known() -> None:
    classes = [f"1.2.840.10008.5.1.4.1.1.{own}" for own in ("2", "88.11", "88.59", "104.1", "481.5", "66.4", "11.1")]
    found = [record_type(one, has_pixels=False) for one in classes]
    assert found == ["PRIVATE", "SR DOCUMENT", "KEY OBJECT DOC", "ENCAP DOC", "RT PLAN", "IMAGE", "PRESENTATION"]
    assert set(found) <= KEYS.keys()


def test_names_of_every_script_are_written(keeping: Keeping) -> None:
    """Latin 1 where that is enough, else Unicode (PS3.3 C.12.1.1.2)."""
    for number, (name, terms) in enumerate((("Größe^Änne", "ISO_IR 100"), ("山田^太郎", "ISO_IR 192"))):
        keeping.put(ct(StudyInstanceUID=f"1.2.3.{number}", PatientName=name, PatientID=f"P{number}"))
        patient = directory_of(file_set(keeping, None, f"1.2.3.{number}")).DirectoryRecordSequence[0]
        assert (patient.PatientName, patient.SpecificCharacterSet) == (name, terms)


def test_what_a_data_set_lacks_is_numbered_and_never_invented(keeping: Keeping) -> None:
    lacking = ct(
        StudyInstanceUID=STUDY, StudyDate=None, SeriesNumber=None, InstanceNumber=None, PatientID="", PatientName=""
    )
    keeping.put(lacking)
    patient, study, series, image = directory_of(file_set(keeping)).DirectoryRecordSequence
    assert (patient.PatientID, patient.PatientName) == ("", "")
    assert "StudyDate" not in study
    assert (study.StudyID, series.SeriesNumber, image.InstanceNumber) == ("1", 1, 1)


def test_studies_of_one_patient_share_a_record(keeping: Keeping) -> None:
    for study, patient in (("1.2.1", "A"), ("1.2.2", "A"), ("1.2.3", "B")):
        keeping.put(ct(StudyInstanceUID=study, PatientID=patient))
    directory = directory_of(file_set(keeping, None, "1.2.1", "1.2.2", "1.2.3"))
    assert types_of(directory) == [
        "PATIENT",
        *["STUDY", "SERIES", "IMAGE"] * 2,
        "PATIENT",
        "STUDY",
        "SERIES",
        "IMAGE",
    ]


def test_the_directory_says_what_was_sent(keeping: Keeping) -> None:
    stored = keeping.put(ct(StudyInstanceUID=STUDY))
    directory = directory_of(file_set(keeping), sent={stored.sop_instance_uid: "1.2.840.10008.1.2.4.80"})
    assert directory.DirectoryRecordSequence[-1].ReferencedTransferSyntaxUIDInFile == "1.2.840.10008.1.2.4.80"


def test_nothing_beyond_the_scope_is_read(keeping: Keeping) -> None:
    keeping.put(report())
    files = file_set(keeping)
    blind = FileSet(files.files, keeping.database, ListedStudies(frozenset()))
    assert b"Muster" not in blind.dicomdir()
    assert b"Measurement" not in blind.dicomdir()


def test_an_empty_directory_is_one() -> None:
    directory = pydicom.dcmread(BytesIO(encode_dicomdir([], "1.2.3")))
    assert not directory.DirectoryRecordSequence


def test_other_programs_read_the_file_set(keeping: Keeping, tmp_path: Path) -> None:
    dcmdump = program("dcmdump")
    for number in range(3):
        keeping.put(ct(number=number, StudyInstanceUID=STUDY, SeriesInstanceUID=SERIES, PatientName="Größe^Änne"))
    keeping.put(report())
    files = file_set(keeping)
    for file in files.files:
        path = tmp_path / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(keeping.files.path(file.record.blob_key).read_bytes())
    (tmp_path / "DICOMDIR").write_bytes(files.dicomdir())
    dumped = subprocess.run([dcmdump, "+U8", tmp_path / "DICOMDIR"], capture_output=True, text=True, check=False)
    assert (dumped.returncode, dumped.stderr) == (0, "")
    assert dumped.stdout.count("DirectoryRecordType") == 8
    assert "Größe^Änne" in dumped.stdout
    with pytest.warns(ResourceWarning):
        _read_by_pydicom(tmp_path / "DICOMDIR", {file.record.sop_instance_uid for file in files.files})
        gc.collect()


def test_what_a_directory_names_is_found_also_in_a_damaged_one(keeping: Keeping) -> None:
    images = [ct(number=number, StudyInstanceUID=STUDY, SeriesInstanceUID=SERIES) for number in range(3)]
    for image in images:
        keeping.put(image)
    uids = {str(image.SOPInstanceUID) for image in images}
    for whole in (file_set(keeping).dicomdir(), dicomdir(*images)):
        assert instances_named(whole) == uids
        assert len(instances_named(whole[: len(whole) * 2 // 3])) in (1, 2)
    assert instances_named(b"") == instances_named(part10(images[0])) == frozenset()


def _read_by_pydicom(directory: Path, expected: set[str]) -> None:
    """Its class leaves a temporary folder to the garbage collector, which warns."""
    read = ReadBack(directory)
    assert {one.SOPInstanceUID for one in read} == expected
    assert all(Path(one.path).is_file() for one in read)


@pytest.mark.parametrize("kind", KEYS)
def test_keys_are_tags(kind: str) -> None:
    assert all(re.fullmatch(r"[0-9A-F]{8}", tag) for tag in KEYS[kind])


def test_keys_of_which_nothing_is_known_are_there_without_a_value(keeping: Keeping) -> None:
    """Type 2 (PS3.5 7.4.3): the study has neither a description nor an accession number."""
    keeping.put(ct(StudyInstanceUID=STUDY, StudyDescription=None, AccessionNumber=None))
    records = directory_of(file_set(keeping)).DirectoryRecordSequence
    (study,) = (one for one in records if one.DirectoryRecordType == "STUDY")
    assert (study.StudyDescription, study.AccessionNumber) == ("", "")
