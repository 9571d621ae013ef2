"""A plain matcher, written from PS3.4 C.2.2.2 in Python and without an index: what searches are held against."""

import re
import unicodedata
from collections.abc import Callable
from itertools import groupby

from storage.attributes import Level
from storage.query import Match, Query
from storage.scope import ListedStudies, PatientIdentity, StudyScope, WholeArchive
from tests.support.archive import AnInstance

STUDY_UID, SERIES_UID, SOP_UID = "0020000D", "0020000E", "00080018"


def first_of_series(instances: list[AnInstance], member: AnInstance) -> dict[str, str]:
    return next(one.values for one in instances if one.series == member.series)


def visible(instances: list[AnInstance], scope: StudyScope) -> list[AnInstance]:
    first = {
        study: next(one for one in instances if one.study == study).values for study in {i.study for i in instances}
    }
    held = {one.uid for one in instances if one.values["PatientID"] != first[one.study]["PatientID"]}
    match scope:
        case WholeArchive():
            return instances
        case ListedStudies(uids):
            return [one for one in instances if one.study in uids and one.uid not in held]
        case PatientIdentity(patient_id, issuer, birth_date):
            wanted = (patient_id, plain_date(birth_date) if birth_date else "")
            return [
                one
                for one in instances
                if patient_id and not issuer and birth_date == plain_date(birth_date) and one.uid not in held
                and (first[one.study]["PatientID"], plain_date(first[one.study]["PatientBirthDate"])) == wanted
            ]  # fmt: skip


def matching(instances: list[AnInstance], query: Query, scope: StudyScope) -> list[str]:
    """The UIDs that match, in the order that is promised."""
    first = {
        study: next(one for one in instances if one.study == study).values for study in {i.study for i in instances}
    }
    seen = visible(instances, scope)
    modalities = {
        study: {one.values["Modality"] for one in group}
        for study, group in groupby(sorted(seen, key=lambda one: one.study), key=lambda one: one.study)
    }

    def matches(one: AnInstance) -> bool:
        return all(value_matches(match, one) for match in query.matches)

    def value_matches(match: Match, one: AnInstance) -> bool:
        keyword = match.attribute.keyword
        wanted = [value for value in match.values if value.strip()]
        if not wanted or "*" in wanted:
            return True
        if keyword == "ModalitiesInStudy":
            return any(text_matches(value, modality) for value in wanted for modality in modalities[one.study])
        values = {**one.values, "StudyInstanceUID": one.study}
        if match.attribute.level is Level.STUDY:
            values = {**first[one.study], "StudyInstanceUID": one.study}
        return any(MATCHERS.get(keyword, text_matches)(value, values[keyword]) for value in wanted)

    def number(value: str) -> tuple[bool, int]:
        return (not value, int(value or 0))

    def study_key(one: AnInstance) -> tuple[str, str, str]:
        values = first[one.study]
        return plain_date(values["StudyDate"]), plain_time(values["StudyTime"], "0"), one.study

    ordered = sorted((one for one in seen if matches(one)), key=lambda one: one.uid)
    ordered.sort(key=lambda one: number(one.values["InstanceNumber"]))
    ordered.sort(key=lambda one: (number(one.values["SeriesNumber"]), one.series))
    ordered.sort(key=study_key, reverse=True)
    names = {Level.STUDY: "study", Level.SERIES: "series", Level.INSTANCE: "uid"}
    return list(dict.fromkeys(getattr(one, names[query.level]) for one in ordered))


def text_matches(pattern: str, value: str) -> bool:
    translated = "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern.strip())
    return re.fullmatch(translated, value, re.DOTALL) is not None


def name_matches(pattern: str, value: str) -> bool:
    groups = [plain_name(group) for group in plain_name(value).split("=")]
    runs = ["=".join(groups[i:j]) for i in range(len(groups)) for j in range(i + 1, len(groups) + 1)]
    whole = "=".join(plain_name(group) for group in pattern.split("=")).rstrip("=")
    forms = {whole, re.sub(r"(\^\*+)+$", "", whole)}
    return any(text_matches(form, run) for form in forms for run in runs)


def plain_name(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name.casefold())
    bare = "".join(letter for letter in letters if unicodedata.category(letter) != "Mn")
    return "^".join(part.strip() for part in bare.split("^")).rstrip("^")


def plain_date(value: str) -> str:
    digits = value.replace(".", "")
    return digits if re.fullmatch(r"\d{8}", digits) else ""


def plain_time(value: str, filler: str) -> str:
    if not value:
        return ""
    whole, _, fraction = value.partition(".")
    rest = "0000" if filler == "0" else "5959"
    return whole + rest[len(whole) - 2 :] + "." + fraction.ljust(6, filler)


def date_matches(key: str, value: str) -> bool:
    return range_matches(key, plain_date(value), plain_date, plain_date)


def time_matches(key: str, value: str) -> bool:
    return range_matches(key, plain_time(value, "0"), lambda t: plain_time(t, "0"), lambda t: plain_time(t, "9"))


def range_matches(key: str, value: str, begin: Callable[[str], str], end: Callable[[str], str]) -> bool:
    first, last = key.split("-") if "-" in key else (key, key)
    if not value or (first and not begin(first)) or (last and not end(last)):
        return False
    return (not first or begin(first) <= value) and (not last or value <= end(last))


def number_matches(key: str, value: str) -> bool:
    return bool(value) and int(key) == int(value)


MATCHERS = {
    "PatientName": name_matches,
    "StudyDate": date_matches,
    "StudyTime": time_matches,
    "SeriesNumber": number_matches,
    "InstanceNumber": number_matches,
}
