"""The conformance statement says what the program does, because it is made of the same tables."""

import json
import re
from pathlib import Path

from click.testing import CliRunner

from dimse.services.dispatch import OFFERS
from dimse.services.statuses import NOT_OFFERED, STATUSES, is_stated
from gateway.cli.main import durchblick
from gateway.conformance.markdown import table
from gateway.conformance.names import name, sop_classes
from gateway.conformance.statement import statement
from tests.house.checkout import ROOT

STATEMENT = statement()


def test_the_document_is_what_the_command_prints() -> None:
    printed = CliRunner().invoke(durchblick, ["conformance"])
    assert printed.exit_code == 0
    document = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
    assert document == printed.output, "run: durchblick conformance > docs/conformance.md"


def test_the_openapi_document_is_that_of_the_public_service(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[http]\npublic_url = "https://images.example.org"\ndicomweb_path = "/dw"\n')
    printed = CliRunner().invoke(durchblick, ["openapi", "--config", str(file)])
    document = json.loads(printed.output)
    assert document["servers"] == [{"url": "https://images.example.org/dw"}]
    assert document["paths"]["/workitems/{workitem}/state"]["put"]["operationId"] == "ChangeWorkitemState"


def test_the_table_of_web_transactions_is_what_the_command_prints() -> None:
    printed = CliRunner().invoke(durchblick, ["openapi", "--table"])
    assert printed.exit_code == 0
    document = (ROOT / "docs" / "dicomweb.md").read_text(encoding="utf-8")
    assert printed.output in document, "put what `durchblick openapi --table` prints into docs/dicomweb.md"
    requests = re.compile(r"^\| `(?:GET|POST|PUT|DELETE|OPTIONS) /", re.MULTILINE)
    assert len(requests.findall(document)) == len(requests.findall(printed.output)) > 0


def test_every_operation_and_every_class_is_in_it() -> None:
    for offer in OFFERS:
        assert f" {offer.name}\n" in STATEMENT
        assert [uid for uid in sop_classes(offer) if f"`{uid}`" not in STATEMENT] == []


def test_every_operation_has_its_statuses() -> None:
    assert set(STATUSES) == {offer.command_field for offer in OFFERS}
    for meanings in STATUSES.values():
        assert len({meaning.code for meaning in meanings}) == len(meanings)
        assert all(meaning.kind for meaning in meanings)
        assert meanings[0].kind == "Success"
    assert is_stated(0x0150, NOT_OFFERED.code) and not is_stated(0x0001, NOT_OFFERED.code)


def test_the_parts_that_ps3_2_wants() -> None:
    headings = [line.partition(" ")[2] for line in STATEMENT.splitlines() if line.startswith("##")]
    for wanted in (
        "Conformance Statement Overview",
        "Networking",
        "AE Specification",
        "Association Policies",
        "Association Initiation Policy",
        "Association Acceptance Policy",
        "SOP Specific Conformance",
        "Network Interfaces",
        "Configuration",
        "Media Interchange",
        "Support of Character Sets",
        "Security",
    ):
        assert any(heading.endswith(wanted) for heading in headings), wanted


def test_names() -> None:
    assert name("1.2.840.10008.1.2.2") == "Explicit VR Big Endian"
    assert name("1.2.3.4") == "1.2.3.4"


def test_a_bar_in_a_cell_does_not_end_it() -> None:
    assert table(("a",), [("b|c",)]) == "| a |\n| --- |\n| b\\|c |"
