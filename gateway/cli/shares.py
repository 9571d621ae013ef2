"""`durchblick share`: access to the images of one person for a limited time."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from auth.records import QUIET_MINUTES, Wait
from auth.shares import Issued, Share
from gateway.archive.service import asking_of
from gateway.cli.household import opened
from gateway.cli.options import config_option, json_option, print_json
from gateway.desk import finding
from gateway.house import House
from gateway.sheets import share_url, sheet
from storage.attributes import BY_KEYWORD, Level
from storage.data_set.json_values import written
from storage.query import Match, Query
from storage.scope import ListedStudies, PatientIdentity, StudyScope, WholeArchive


@click.group()
def share() -> None:
    """Open, prolong and end shares."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What `share create` was asked for, checked as far as the command line goes."""

    studies: tuple[str, ...]
    patient_id: str | None
    issuer: str
    birth_date: str
    name: str

    def scope(self) -> StudyScope:
        if bool(self.studies) == bool(self.patient_id):
            raise click.UsageError("Say either --study UID (as often as needed) or --patient-id ID.")
        if self.patient_id:
            return PatientIdentity(self.patient_id, self.issuer, self.birth_date, patient_name=self.name)
        return ListedStudies(frozenset(self.studies))


def _birth_date(context: click.Context, parameter: click.Parameter, value: str) -> str:
    try:
        return datetime.strptime(value, "%Y%m%d").strftime("%Y%m%d")
    except ValueError as error:
        raise click.BadParameter("give year, month and day as YYYYMMDD, for example 19500131") from error


_sheet_option = click.option(
    "--sheet",
    "sheet_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the sheet for the patient as PDF.",
)


@share.command()
@click.option("--study", "studies", multiple=True, metavar="UID", help="A study of the share; may be repeated.")
@click.option("--patient-id", metavar="ID", help="Every study of this patient, also those to come.")
@click.option("--issuer", default="", metavar="X", help="Issuer of that patient id, as in the images.")
@click.option("--name", default="", metavar="N", help="That patient's name; by default as in the newest study.")
@click.option("--birth-date", required=True, callback=_birth_date, metavar="YYYYMMDD", help="Asked for at login.")
@click.option("--days", default=90, show_default=True, type=click.IntRange(1, 3650), help="How long it lives.")
@click.option("--label", default="", help="A note for the desk, shown in `share list`.")
@click.option("--wait", "wait_minutes", type=click.IntRange(1, 1440), help="Show nothing until so many quiet minutes.")
@click.option("--wait-for-archive", is_flag=True, help="Show nothing until all has come that [archive] has.")
@_sheet_option
@config_option
@json_option
def create(
    studies: tuple[str, ...],
    patient_id: str | None,
    issuer: str,
    name: str,
    birth_date: str,
    days: int,
    label: str,
    wait_minutes: int | None,
    wait_for_archive: bool,
    sheet_file: Path | None,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Open a share and print its access code and link, once."""
    wanted = _Wanted(studies, patient_id, issuer, birth_date, name)
    scope = wanted.scope()
    waits = bool(wait_minutes) or wait_for_archive
    wait = Wait(wait_minutes or QUIET_MINUTES, wait_for_archive) if waits else None
    with opened(config_file) as house:
        scope = _named(house, scope)
        _compare(house, wanted)
        try:
            issued = house.shares.create(scope, birth_date, days, label, wait=wait)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
        _hand_out(house, issued, sheet_file, as_json)


@share.command("list")
@config_option
@json_option
def list_(config_file: Path | None, as_json: bool) -> None:
    """Every share with its state and end date; codes are not kept anywhere."""
    with opened(config_file) as house:
        rows = [_row(each) for each in house.shares.list()]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        click.echo(f"{row['id']}  {row['state']:8}  until {row['expires'][:10]}  {row['for']}  {row['label']}".rstrip())


@share.command()
@click.argument("share_id", metavar="ID")
@click.option("--days", required=True, type=click.IntRange(1, 3650), help="Days from today.")
@config_option
@json_option
def extend(share_id: str, days: int, config_file: Path | None, as_json: bool) -> None:
    """Let a share live for DAYS from today; its code stays as it is."""
    with opened(config_file) as house:
        extended = house.shares.extend(share_id, days)
        _say_what_is_missing(house, extended)
        row = _row(extended)
    _say(row, as_json)


@share.command()
@click.argument("share_id", metavar="ID")
@_sheet_option
@config_option
@json_option
def reissue(share_id: str, sheet_file: Path | None, config_file: Path | None, as_json: bool) -> None:
    """Give a share a new code and link; the old ones and open sessions end at once."""
    with opened(config_file) as house:
        issued = house.shares.reissue(share_id)
        _say_what_is_missing(house, issued.share)
        _hand_out(house, issued, sheet_file, as_json)


@share.command()
@click.argument("share_id", metavar="ID")
@config_option
@json_option
def revoke(share_id: str, config_file: Path | None, as_json: bool) -> None:
    """End a share and its open sessions at once."""
    with opened(config_file) as house:
        row = _row(house.shares.revoke(share_id))
    _say(row, as_json)


def _say_what_is_missing(house: House, share: Share) -> None:
    """What is not here any more, and what becomes of it."""
    if sentence := asking_of(house).look(share).sentence:
        click.echo(sentence, err=True)


def _named(house: House, scope: StudyScope) -> StudyScope:
    """With the name that is known of a patient; warn of other patients' studies with the same id."""
    if not isinstance(scope, PatientIdentity):
        return scope
    index = house.storage.index
    patient = finding.named(index, WholeArchive(), scope)
    others = index.lookalikes(WholeArchive(), [patient])
    if others:
        click.echo(
            f"Warning: {len(others)} studies have this patient id, but another issuer, birth date or name. "
            "The patient does not see them until the desk has decided.",
            err=True,
        )
    return patient


def _compare(house: House, wanted: _Wanted) -> None:
    """Refuse unknown studies; warn when nothing is there yet or a birth date differs from the one given."""
    for uid in wanted.studies:
        if not _found(house, "StudyInstanceUID", uid):
            raise click.ClickException(f"The study {uid} is not here. Push or import it first, or check the UID.")
    found = [each for uid in wanted.studies for each in _found(house, "StudyInstanceUID", uid)]
    if wanted.patient_id:
        found = _found(house, "PatientID", wanted.patient_id)
        if not found:
            click.echo("Warning: no study of this patient is here yet; the share shows them as they arrive.", err=True)
    different = sum(_first(each, "PatientBirthDate") != wanted.birth_date for each in found)
    if different:
        click.echo(
            f"Warning: {different} of {len(found)} studies have another birth date than --birth-date. "
            "At login the patient must give the one of --birth-date.",
            err=True,
        )


def _found(house: House, keyword: str, value: str) -> list[dict[str, Any]]:
    query = Query(Level.STUDY, (Match(BY_KEYWORD[keyword], (value,)),), limit=1000)
    return house.storage.index.search(WholeArchive(), query).data_sets


def _first(data_set: dict[str, Any], keyword: str) -> str:
    return written(data_set, BY_KEYWORD[keyword].tag)


def _hand_out(house: House, issued: Issued, sheet_file: Path | None, as_json: bool) -> None:
    row = {
        "id": issued.share.id,
        "code": issued.code,
        "url": share_url(house, issued),
        "expires": issued.share.expires.isoformat(),
    }
    if sheet_file is not None:
        sheet_file.write_bytes(sheet(house, issued))
        row["sheet"] = str(sheet_file)
    _say(row, as_json)


def _row(share: Share) -> dict[str, Any]:
    match share.rule:
        case ListedStudies(uids):
            what = f"{len(uids)} listed studies"
        case PatientIdentity(patient_id, issuer, _):
            what = f"patient {patient_id}" + (f" of {issuer}" if issuer else "")
        case _:
            what = "everything"
    return {
        "id": share.id,
        "state": share.state,
        "created": share.created.isoformat(),
        "expires": share.expires.isoformat(),
        "for": what,
        "label": share.label,
    }


def _say(row: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(row)
        return
    for key, value in row.items():
        click.echo(f"{key.capitalize() + ':':10}{value}")
