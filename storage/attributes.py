"""The attributes that the index knows, as one table for the schema, QIDO-RS, C-FIND and the conformance statement.

Levels are those of the Study Root information model (PS3.4 C.6.2.1): patient attributes are found at the study level.
The rows cover what PS3.18 tables 10.6.3-3 to 10.6.3-5 demand as matching and return attributes.
"""

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Final


class Level(IntEnum):
    """Query/retrieve level, from the root down."""

    STUDY = 0
    SERIES = 1
    INSTANCE = 2


class Matching(Enum):
    """How a key is compared (PS3.4 C.2.2.2)."""

    UID = "list of UID"
    TEXT = "single value or wildcard, case-sensitive"
    NAME = "single value or wildcard over folded person names"
    DATE = "single value or range of dates"
    TIME = "single value or range of times"
    NUMBER = "single value"
    DERIVED = "computed by the index"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One row: `column` is its column in the table of its level (empty for derived ones)."""

    tag: str
    keyword: str
    vr: str
    level: Level
    matching: Matching
    column: str


_STUDY, _SERIES, _INSTANCE = Level.STUDY, Level.SERIES, Level.INSTANCE

ATTRIBUTES: Final[tuple[Attribute, ...]] = (
    Attribute("00080020", "StudyDate", "DA", _STUDY, Matching.DATE, "study_date"),
    Attribute("00080030", "StudyTime", "TM", _STUDY, Matching.TIME, "study_time"),
    Attribute("00080050", "AccessionNumber", "SH", _STUDY, Matching.TEXT, "accession_number"),
    Attribute("00080061", "ModalitiesInStudy", "CS", _STUDY, Matching.DERIVED, ""),
    Attribute("00080062", "SOPClassesInStudy", "UI", _STUDY, Matching.DERIVED, ""),
    Attribute("00080090", "ReferringPhysicianName", "PN", _STUDY, Matching.NAME, "referring_physician_name"),
    Attribute("00081030", "StudyDescription", "LO", _STUDY, Matching.TEXT, "study_description"),
    Attribute("00100010", "PatientName", "PN", _STUDY, Matching.NAME, "patient_name"),
    Attribute("00100020", "PatientID", "LO", _STUDY, Matching.TEXT, "patient_id"),
    Attribute("00100021", "IssuerOfPatientID", "LO", _STUDY, Matching.TEXT, "issuer_of_patient_id"),
    Attribute("00100030", "PatientBirthDate", "DA", _STUDY, Matching.DATE, "patient_birth_date"),
    Attribute("00100040", "PatientSex", "CS", _STUDY, Matching.TEXT, "patient_sex"),
    Attribute("0020000D", "StudyInstanceUID", "UI", _STUDY, Matching.UID, "study_instance_uid"),
    Attribute("00200010", "StudyID", "SH", _STUDY, Matching.TEXT, "study_id"),
    Attribute("00201206", "NumberOfStudyRelatedSeries", "IS", _STUDY, Matching.DERIVED, ""),
    Attribute("00201208", "NumberOfStudyRelatedInstances", "IS", _STUDY, Matching.DERIVED, ""),
    Attribute("00080060", "Modality", "CS", _SERIES, Matching.TEXT, "modality"),
    Attribute("0008103E", "SeriesDescription", "LO", _SERIES, Matching.TEXT, "series_description"),
    Attribute("00180015", "BodyPartExamined", "CS", _SERIES, Matching.TEXT, "body_part_examined"),
    Attribute("0020000E", "SeriesInstanceUID", "UI", _SERIES, Matching.UID, "series_instance_uid"),
    Attribute("00200011", "SeriesNumber", "IS", _SERIES, Matching.NUMBER, "series_number"),
    Attribute("00200060", "Laterality", "CS", _SERIES, Matching.TEXT, "laterality"),
    Attribute(
        "00400244",
        "PerformedProcedureStepStartDate",
        "DA",
        _SERIES,
        Matching.DATE,
        "performed_procedure_step_start_date",
    ),
    Attribute(
        "00400245",
        "PerformedProcedureStepStartTime",
        "TM",
        _SERIES,
        Matching.TIME,
        "performed_procedure_step_start_time",
    ),
    Attribute("00201209", "NumberOfSeriesRelatedInstances", "IS", _SERIES, Matching.DERIVED, ""),
    Attribute("00080016", "SOPClassUID", "UI", _INSTANCE, Matching.UID, "sop_class_uid"),
    Attribute("00080018", "SOPInstanceUID", "UI", _INSTANCE, Matching.UID, "sop_instance_uid"),
    Attribute("00200013", "InstanceNumber", "IS", _INSTANCE, Matching.NUMBER, "instance_number"),
    Attribute("00280008", "NumberOfFrames", "IS", _INSTANCE, Matching.NUMBER, "number_of_frames"),
    Attribute("00280010", "Rows", "US", _INSTANCE, Matching.NUMBER, "image_rows"),
    Attribute("00280011", "Columns", "US", _INSTANCE, Matching.NUMBER, "image_columns"),
    Attribute("00280100", "BitsAllocated", "US", _INSTANCE, Matching.NUMBER, "bits_allocated"),
    Attribute("00083002", "AvailableTransferSyntaxUID", "UI", _INSTANCE, Matching.UID, "transfer_syntax_uid"),
)

BY_TAG: Final = {attribute.tag: attribute for attribute in ATTRIBUTES}
BY_KEYWORD: Final = {attribute.keyword: attribute for attribute in ATTRIBUTES}
