"""What the documents say is shown by a test is shown by a test."""

import re

import pytest

from tests.house.checkout import ROOT

NETWORK = (ROOT / "docs" / "dicom-network.md").read_text(encoding="utf-8")
WEB = (ROOT / "docs" / "dicomweb.md").read_text(encoding="utf-8")
_NAMED = re.compile(r"`(?P<file>[a-z0-9_/]+\.py)?::(?P<test>test_\w+)`")


def named_tests() -> list[tuple[str, str]]:
    """File and test; a test without a file is one of the file named before it."""
    found: list[tuple[str, str]] = []
    for match in (*_NAMED.finditer(NETWORK), *_NAMED.finditer(WEB)):
        found.append((match["file"] or found[-1][0], match["test"]))
    return found


@pytest.mark.parametrize(("file", "test"), named_tests())
def test_a_named_test_exists(file: str, test: str) -> None:
    text = (ROOT / "tests" / file).read_text(encoding="utf-8")
    assert f"\ndef {test}(" in text


@pytest.mark.parametrize(("text", "least"), [(NETWORK, 30), (WEB, 10)], ids=["network", "web"])
def test_every_row_of_bad_input_names_its_test(text: str, least: int) -> None:
    rows = text.partition("## Bad input")[2].partition("##")[0].split("\n| ")[3:]
    assert len(rows) > least
    assert [row for row in rows if not _NAMED.search(row)] == []


def test_every_point_where_servers_fail_names_its_test() -> None:
    rows = WEB.partition("## Where servers are known to fail")[2].partition("\n## ")[0].split("\n| ")[2:]
    assert len(rows) == 33
    assert [row for row in rows if not _NAMED.search(row)] == []


def test_files_that_are_named_exist() -> None:
    assert all((ROOT / name).is_file() for name in re.findall(r"`(tests/[a-z0-9_/]+\.py)`", NETWORK))


@pytest.mark.parametrize("document", ["security.md", "privacy.md"])
def test_files_that_show_what_is_promised_exist(document: str) -> None:
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    named = {name.removeprefix("tests/") for name in re.findall(r"`([a-z0-9_/]+\.py)`", text) if "test_" in name}
    assert len(named) > 4
    assert [name for name in sorted(named) if not (ROOT / "tests" / name).is_file()] == []


def test_every_section_of_asvs_is_answered_and_shown() -> None:
    """By a test, a document or a target of make, unless it is not for us."""
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    rows = [row.strip("| ").split(" | ") for row in text.partition("## Keys")[0].split("\n") if row.startswith("| ")]
    sections = [row for row in rows if re.match(r"\d+\.\d", row[0])]
    assert len(sections) > 60
    assert {row[1].strip(" |") for row in sections} == {"yes", "partly", "not used", "level 3"}
    answered = [row for row in sections if row[1] in ("yes", "partly")]
    assert [row[0] for row in answered if not re.search(r"\.py`|\.md\)|make|the table below", row[2])] == []
