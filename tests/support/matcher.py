"""A plain matcher, written from PS3.4 C.2.2.2 in Python and without an index: what searches are held against."""

from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from itertools import groupby

from storage.attributes import Level
from storage.query import EMPTY, Match, Query
from storage.scope import ListedStudies, PatientIdentity, SiteStudies, StudyScope, WholeArchive, Within
from tests.support.archive import AnInstance, Values
from tests.support.fuzzy import fuzzily_matches
from tests.support.matcher_texts import MATCHERS, name_matches, plain_date, plain_time, text_matches

STUDY_UID, SERIES_UID, SOP_UID = "0020000D", "0020000E", "00080018"


def first_of_series(instances: list[AnInstance], member: AnInstance) -> dict[str, str]:
    return next(one.values for one in instances if one.series == member.series)


def visible(instances: list[AnInstance], scope: StudyScope) -> list[AnInstance]:
    first = {
        study: next(one for one in instances if one.study == study).values for study in {i.study for i in instances}
    }
    held = {one.uid for one in instances if one.values["PatientID"] != first[one.study]["PatientID"]}
    match scope:
        case WholeArchive() | SiteStudies(""):
            # No sender belongs to a site here, so all is of the one that takes the rest.
            return instances
        case SiteStudies():
            return []
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
        case SiteStudies():
            raise AssertionError("the plain matcher knows of no sites")
        case Within(inner, outer):
            shown = {one.uid for one in visible(instances, outer)}
            return [one for one in visible(instances, inner) if one.uid in shown]


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
        own = {**one.values, "StudyInstanceUID": one.study}
        of_study = {**first[one.study], "StudyInstanceUID": one.study}
        if not moments_match(query, of_study):
            return False
        return all(value_matches(match, one, of_study, own) for match in query.matches)

    def value_matches(match: Match, one: AnInstance, of_study: Values, own: Values) -> bool:
        keyword = match.attribute.keyword
        if keyword in MOMENT and (query.timezone or is_combined(query)):
            return True
        if match.item:
            return any(all(one_matches(key, [item.get(key.attribute.keyword, "")]) for key in match.item)
                       for item in one.items.get(keyword, [{}] if match.is_universal else []))  # fmt: skip
        if keyword == "ModalitiesInStudy":
            return one_matches(match, sorted(modalities[one.study] - {""}) or [""])
        values = of_study if match.attribute.level is Level.STUDY else own
        several = values.get(keyword, "").split("\\")
        return one_matches(match, several if keyword == "OtherPatientNames" else [values.get(keyword, "")])

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


MOMENT = ("StudyDate", "StudyTime")


def one_matches(match: Match, values: list[str]) -> bool:
    """Whether an attribute with these values matches the key."""
    wanted = [value for value in match.values if value.strip()]
    if not wanted or (not match.every and "*" in wanted):
        return True
    found = [key == "*" or any(is_match(match, key, value) for value in values) for key in wanted]
    return all(found) if match.every else any(found)


def is_match(match: Match, key: str, value: str) -> bool:
    if key == EMPTY:
        return not value
    if match.fuzzy and match.attribute.vr == "PN":
        by_words = fuzzily_matches(key, value)
        wild = "*" in key or "?" in key
        return name_matches(key, value) if by_words is None else by_words or (wild and name_matches(key, value))
    plain = name_matches if match.attribute.vr == "PN" else text_matches
    return MATCHERS.get(match.attribute.keyword, plain)(key, value)


def is_combined(query: Query) -> bool:
    keys = moment_keys(query)
    return query.combined_date_time and all(len(one) == 1 and "-" in one[0] for one in keys.values())


def moment_keys(query: Query) -> dict[str, list[str]]:
    by_keyword = {match.attribute.keyword: match.values for match in query.matches}
    return {name: [value for value in by_keyword.get(name, ()) if value.strip()] for name in MOMENT}


def moments_match(query: Query, values: Values) -> bool:
    """Date and time of a study against both keys, where these are one range or have a time zone."""
    if not query.timezone and not is_combined(query):
        return True
    keys = moment_keys(query)
    day, clock = in_zone(values, query.timezone)
    if not is_combined(query) or not all(readable(keys, name) for name in MOMENT):
        texts = {"StudyDate": day, "StudyTime": clock}
        return all(alone(name, keys[name], texts[name]) for name in MOMENT)
    (first_day, last_day), (first_time, last_time) = (keys[name][0].split("-") for name in MOMENT)
    low = (plain_date(first_day), plain_time(first_time, "0") or "000000.000000")
    high = (plain_date(last_day), plain_time(last_time, "9") or "235959.999999")
    at = (plain_date(day), plain_time(clock, "0"))
    return bool(at[0]) and (not low[0] or at >= low) and (not high[0] or at <= high)


def readable(keys: dict[str, list[str]], name: str) -> bool:
    """Whether each end of the range is a date or a time."""
    read = plain_date if name == "StudyDate" else lambda text: plain_time(text, "0")
    return all(not end or read(end) for end in keys[name][0].split("-"))


def alone(name: str, wanted: Iterable[str], value: str) -> bool:
    wanted = list(wanted)
    return not wanted or any(MATCHERS[name](key, value) for key in wanted)


def in_zone(values: Values, wanted: str) -> tuple[str, str]:
    """Date and time of a study as its clock in the zone `wanted` would have shown them."""
    day, clock, own = values.get("StudyDate", ""), values.get("StudyTime", ""), values.get("TimezoneOffsetFromUTC", "")
    if not (wanted and own and plain_date(day) and plain_time(clock, "0")):
        return day, clock
    moment = datetime.strptime(plain_date(day) + plain_time(clock, "0"), "%Y%m%d%H%M%S.%f").replace(tzinfo=zone(own))
    there = moment.astimezone(zone(wanted))
    return there.strftime("%Y%m%d"), there.strftime("%H%M%S.%f")


def zone(offset: str) -> timezone:
    span = timedelta(hours=int(offset[1:3]), minutes=int(offset[3:]))
    return timezone(-span if offset[0] == "-" else span)
