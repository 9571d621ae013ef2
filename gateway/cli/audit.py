"""`durchblick audit`: is the audit whole, and what stands in it."""

import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Final

import click
import orjson

from gateway.audit.dicom_messages import message
from gateway.audit.export import Patients, source_of
from gateway.audit.fhir import audit_event
from gateway.cli.household import opened
from gateway.cli.options import config_option, json_option, print_json
from gateway.house import House
from storage.audit_trail import AuditTrail, Event


@click.group()
def audit() -> None:
    """Who did what: verify, list and export the audit."""


@audit.command()
@click.option(
    "--known", metavar="NUMBER:DIGEST", help="An event as it was noted elsewhere; the chain must lead through it."
)
@config_option
@json_option
def verify(known: str | None, config_file: Path | None, as_json: bool) -> None:
    """Find out whether events were changed, removed or put in between. Status 1 if so.

    Note number and digest of the last event somewhere else, and give them as --known the next time: whoever can write
    the database could seal all of it anew, but not what you have noted.
    """
    anchor = _anchor(known)
    with opened(config_file) as house:
        verdict = AuditTrail(house.storage.database).verify(anchor)
    if as_json:
        print_json(asdict(verdict))
    elif verdict.wrong is None:
        click.echo(f"ok    {verdict.events} events; the last one is {verdict.events}:{verdict.last_digest}")
    else:
        click.echo(f"FAIL  event {verdict.wrong}: {verdict.why}; {verdict.events} events before it are whole")
    sys.exit(0 if verdict.wrong is None else 1)


@audit.command("list")
@click.option("--last", default=50, show_default=True, type=click.IntRange(1), help="How many of the newest.")
@config_option
@json_option
def list_(last: int, config_file: Path | None, as_json: bool) -> None:
    """The newest events, oldest first."""
    with opened(config_file) as house:
        events = AuditTrail(house.storage.database).latest(last)
        house.storage.audit.record("audit read", "audit", f"last={last}")
    if as_json:
        print_json([asdict(event) for event in events])
        return
    for event in events:
        words = (event.at, event.event, event.subject, event.detail, f"({event.actor})" if event.actor else "")
        click.echo("  ".join(word for word in words if word))


@audit.command()
@click.option("--format", "form", type=click.Choice(["fhir", "dicom", "json"]), default="fhir", show_default=True)
@click.option("--after", default=0, show_default=True, type=click.IntRange(0), help="Only events above this number.")
@config_option
def export(form: str, after: int, config_file: Path | None) -> None:
    """Print events, one a line: as FHIR AuditEvent, as DICOM audit message (XML), or as they are kept."""
    with opened(config_file) as house:
        line = _FORMS[form](house)
        for event in AuditTrail(house.storage.database).events(after):
            click.echo(line(event))
        house.storage.audit.record("audit read", "audit", f"after={after} format={form}")


def _fhir(house: House) -> Callable[[Event], bytes]:
    source, patients = source_of(house.config), _patients(house)
    return lambda event: orjson.dumps(audit_event(event, source, patients.of(event)))


def _dicom(house: House) -> Callable[[Event], bytes]:
    source, patients = source_of(house.config), _patients(house)
    return lambda event: message(event, source, patients.of(event)).replace(b"\n", b"")


def _as_kept(house: House) -> Callable[[Event], bytes]:
    return orjson.dumps


def _patients(house: House) -> Patients:
    return Patients(house.storage.database, house.config.audit.patient_ids)


_FORMS: Final[dict[str, Callable[[House], Callable[[Event], bytes]]]] = {
    "fhir": _fhir,
    "dicom": _dicom,
    "json": _as_kept,
}


def _anchor(known: str | None) -> tuple[int, str] | None:
    if known is None:
        return None
    number, _, digest = known.partition(":")
    if not number.isdigit() or not digest:
        raise click.BadParameter("write it as verify prints it: NUMBER:DIGEST", param_hint="--known")
    return int(number), digest
