"""The attributes that the index knows, as one table for the schema, QIDO-RS, C-FIND and the conformance statement.

Levels are those of the Study Root information model (PS3.4 C.6.2.1): patient attributes are found at the study level.
The rows with a column cover what PS3.18 tables 10.6.3-3 to 10.6.3-5 demand as matching and return attributes; those
without one are kept with their study or series and compared by a slower path. Every other attribute of a data set is
one of its instance, found in its metadata, and compared the same way.
"""

from dataclasses import dataclass
from enum import Enum, IntEnum
from functools import lru_cache
from typing import Final

from storage.data_set.value_representations import (
    dictionary_keyword,
    dictionary_value_representation,
    has_several_values,
)


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
    DATE_TIME = "single value or range of date-times"
    NUMBER = "single value"
    SEQUENCE = "one item"
    STORED = "as the value representation in each data set has it"
    DERIVED = "computed by the index"
    NONE = "returned only"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One row: `column` is its column in the table of its level, empty where it has none."""

    tag: str
    keyword: str
    vr: str
    level: Level
    matching: Matching
    column: str = ""

    @property
    def is_kept(self) -> bool:
        """Whether its value is what a data set told, and not what lies below it."""
        return self.matching is not Matching.DERIVED

    @property
    def is_compared_by_sql(self) -> bool:
        """Whether databases compare it; others are compared row by row over DICOM JSON."""
        return bool(self.column) or not self.is_kept

    @property
    def takes_several(self) -> bool:
        """Whether each value of a key can match another value of it (multiple values, PS3.4 C.2.2.2.8)."""
        return self.vr in _SEVERAL and has_several_values(int(self.tag, 16))


_SEVERAL: Final = frozenset({"AE", "AS", "AT", "CS", "LO", "PN", "SH", "UC"})

BY_VR: Final = {
    **dict.fromkeys(("AE", "AS", "AT", "CS", "LO", "LT", "SH", "ST", "UC", "UR", "UT"), Matching.TEXT),
    **dict.fromkeys(("DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV"), Matching.NUMBER),
    **{"DA": Matching.DATE, "TM": Matching.TIME, "DT": Matching.DATE_TIME},
    **{"PN": Matching.NAME, "UI": Matching.UID, "SQ": Matching.SEQUENCE},
}
"""How attributes without a row in the table are compared; binary values never are."""

_STUDY, _SERIES, _INSTANCE = Level.STUDY, Level.SERIES, Level.INSTANCE


def _kept(level: Level, *rows: str) -> tuple[Attribute, ...]:
    """Rows "tag keyword VR" of what is kept with its study or series without a column of its own."""
    split = (row.split() for row in rows)
    return tuple(Attribute(tag, keyword, vr, level, BY_VR[vr]) for tag, keyword, vr in split)


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
    Attribute("00201200", "NumberOfPatientRelatedStudies", "IS", _STUDY, Matching.DERIVED),
    Attribute("00201202", "NumberOfPatientRelatedSeries", "IS", _STUDY, Matching.DERIVED),
    Attribute("00201204", "NumberOfPatientRelatedInstances", "IS", _STUDY, Matching.DERIVED),
    *_kept(
        _STUDY,
        *("00081032 ProcedureCodeSequence SQ", "00081048 PhysiciansOfRecord PN"),
        *("00081060 NameOfPhysiciansReadingStudy PN", "00081080 AdmittingDiagnosesDescription LO"),
        *("00081110 ReferencedStudySequence SQ", "00081120 ReferencedPatientSequence SQ"),
        *("00100024 IssuerOfPatientIDQualifiersSequence SQ", "00100032 PatientBirthTime TM"),
        *("00101001 OtherPatientNames PN", "00101002 OtherPatientIDsSequence SQ", "00101010 PatientAge AS"),
        *("00101020 PatientSize DS", "00101030 PatientWeight DS", "00102160 EthnicGroup SH"),
        *("00102180 Occupation SH", "001021B0 AdditionalPatientHistory LT", "00104000 PatientComments LT"),
        *("00120062 PatientIdentityRemoved CS", "00120063 DeidentificationMethod LO"),
        *("00201070 OtherStudyNumbers IS", "00321032 RequestingPhysician PN"),
        *("00321033 RequestingService LO", "00321060 RequestedProcedureDescription LO"),
        *("00120010 ClinicalTrialSponsorName LO", "00120020 ClinicalTrialProtocolID LO"),
        *("00120040 ClinicalTrialSubjectID LO", "00120050 ClinicalTrialTimePointID LO"),
    ),
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
    *_kept(
        _SERIES,
        *("00080021 SeriesDate DA", "00080031 SeriesTime TM", "00080064 ConversionType CS"),
        *("00080070 Manufacturer LO", "00080080 InstitutionName LO", "00080081 InstitutionAddress ST"),
        *("00081010 StationName SH", "00081040 InstitutionalDepartmentName LO"),
        *("00081050 PerformingPhysicianName PN", "00081070 OperatorsName PN"),
        *("00081090 ManufacturerModelName LO", "00081111 ReferencedPerformedProcedureStepSequence SQ"),
        *("00081250 RelatedSeriesSequence SQ", "00181000 DeviceSerialNumber LO", "00181020 SoftwareVersions LO"),
        *("00181030 ProtocolName LO", "00185100 PatientPosition CS", "00200052 FrameOfReferenceUID UI"),
        *("00201040 PositionReferenceIndicator LO", "00400253 PerformedProcedureStepID SH"),
        *("00400254 PerformedProcedureStepDescription LO", "00400260 PerformedProtocolCodeSequence SQ"),
        *("00400275 RequestAttributesSequence SQ",),
        *("00400280 CommentsOnThePerformedProcedureStep ST", "00120060 ClinicalTrialCoordinatingCenterName LO"),
        *("00120071 ClinicalTrialSeriesID LO", "00120072 ClinicalTrialSeriesDescription LO"),
    ),
    Attribute("00080016", "SOPClassUID", "UI", _INSTANCE, Matching.UID, "sop_class_uid"),
    Attribute("00080018", "SOPInstanceUID", "UI", _INSTANCE, Matching.UID, "sop_instance_uid"),
    Attribute("00200013", "InstanceNumber", "IS", _INSTANCE, Matching.NUMBER, "instance_number"),
    Attribute("00280008", "NumberOfFrames", "IS", _INSTANCE, Matching.NUMBER, "number_of_frames"),
    Attribute("00280010", "Rows", "US", _INSTANCE, Matching.NUMBER, "image_rows"),
    Attribute("00280011", "Columns", "US", _INSTANCE, Matching.NUMBER, "image_columns"),
    Attribute("00280100", "BitsAllocated", "US", _INSTANCE, Matching.NUMBER, "bits_allocated"),
    Attribute("00083002", "AvailableTransferSyntaxUID", "UI", _INSTANCE, Matching.UID, "transfer_syntax_uid"),
)

_PATIENT: Final = (
    *("00100010", "00100020", "00100021", "00100024", "00100030", "00100032", "00100040", "00081120", "00101001"),
    *("00101002", "00102160", "00104000", "00120062", "00120063", "00201200", "00201202", "00201204"),
)
PATIENT_TAGS: Final = frozenset(_PATIENT)
"""What is asked at the PATIENT level (PS3.4 table C.6-1); each is found at the study level here."""

BY_TAG: Final = {attribute.tag: attribute for attribute in ATTRIBUTES}
BY_KEYWORD: Final = {attribute.keyword: attribute for attribute in ATTRIBUTES}


@lru_cache(maxsize=4096)
def attribute(tag: str, vr: str = "") -> Attribute:
    """The row of `tag` (8 hexadecimal digits, upper case), or one made up for an attribute of the instance.

    `vr` counts where neither table nor data dictionary know one: for private attributes. Without it these are compared
    as each data set says.
    """
    known = BY_TAG.get(tag)
    if known is not None:
        return known
    found = dictionary_value_representation(int(tag, 16))[:2]
    if found == "UN":
        found = vr or found
    matching = BY_VR.get(found, Matching.NONE if found != "UN" or vr else Matching.STORED)
    return Attribute(tag, dictionary_keyword(int(tag, 16)), found, Level.INSTANCE, matching)
