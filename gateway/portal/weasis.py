"""What Weasis takes: an address of its own scheme, and the manifest that it fetches (its schema 2.5).

The manifest lists one study for WADO-URI (PS3.18 chapter 9) and says with which Authorization to ask for it, so that
the token stands in no address and on no command line.
"""

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote_plus

from gateway.pages.wording import plain
from storage.catalogue.description import text
from storage.records import InstanceRecord, StudySummary

MEDIA_TYPE: Final = "text/xml"
_NAMESPACE: Final = "http://www.weasis.org/xsd/2.5"
_OF_PATIENT: Final = {
    "PatientID": "00100020",
    "IssuerOfPatientID": "00100021",
    "PatientBirthDate": "00100030",
    "PatientSex": "00100040",
}
_OF_STUDY: Final = {"AccessionNumber": "00080050", "StudyID": "00200010"}


def link(manifest_address: str) -> str:
    """The address that starts Weasis and lets it fetch a manifest."""
    return "weasis://" + quote_plus(f'$dicom:get -w "{manifest_address}"')


def manifest(base_url: str, token: str, study: StudySummary, instances: Iterable[InstanceRecord]) -> bytes:
    """The manifest for one study at the DICOMweb root `base_url`; what Weasis cannot know without it is in it."""
    root = ElementTree.Element("manifest", xmlns=_NAMESPACE)
    query = ElementTree.SubElement(root, "arcQuery", arcId="durchblick", baseUrl=f"{base_url}/wado")
    ElementTree.SubElement(query, "httpTag", key="Authorization", value=f"Bearer {token}")
    of_patient = {"PatientName": plain(study.patient_name), **_values(study, _OF_PATIENT)}
    patient = ElementTree.SubElement(query, "Patient", {"PatientID": "", **of_patient})
    of_study = {
        "StudyInstanceUID": study.study_instance_uid,
        "StudyDate": study.study_date,
        "StudyTime": study.study_time,
        "StudyDescription": plain(study.study_description),
    }
    parent = ElementTree.SubElement(patient, "Study", _given(of_study) | _values(study, _OF_STUDY))
    nodes = {
        one.series_instance_uid: ElementTree.SubElement(
            parent,
            "Series",
            _given(
                {
                    "SeriesInstanceUID": one.series_instance_uid,
                    "SeriesDescription": plain(one.series_description),
                    "SeriesNumber": "" if one.series_number is None else str(one.series_number),
                    "Modality": plain(one.modality),
                }
            ),
        )
        for one in study.series
    }
    for record in instances:
        number = "" if record.instance_number is None else str(record.instance_number)
        of_instance = {"SOPInstanceUID": record.sop_instance_uid, "InstanceNumber": number}
        ElementTree.SubElement(nodes[record.series_instance_uid], "Instance", _given(of_instance))
    document: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _values(study: StudySummary, tags: dict[str, str]) -> dict[str, str]:
    return _given({keyword: plain(text(dict(study.attributes), tag)) for keyword, tag in tags.items()})


def _given(attributes: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in attributes.items() if value}
