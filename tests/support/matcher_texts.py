"""How a plain matcher compares texts, names, dates and times (PS3.4 C.2.2.2), written without the index."""

import re
import unicodedata
from collections.abc import Callable


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
