"""`durchblick purge`, `durchblick delete` and `durchblick hold`: what goes for good, and what must not."""

from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import click

from auth.clock import seconds, system_clock
from gateway.cli.household import opened
from gateway.cli.options import config_option, json_option, print_json
from gateway.retention.clock_guard import ClockGuard
from gateway.retention.purge import Purged
from gateway.retention.service import purge_of
from storage.deletion import Extent, Reason, Target
from storage.holds import Hold, Holds
from storage.scope import WholeArchive


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would go; change nothing.")
@click.option("--clock-is-right", is_flag=True, help="Somebody has looked: deletion goes on after a jump of the clock.")
@config_option
@json_option
def purge(dry_run: bool, clock_is_right: bool, config_file: Path | None, as_json: bool) -> None:
    """Mark studies that nobody needs any more, and delete those whose grace is over, for good.

    The gateway does the same every ten minutes while it runs; this does it now.
    """
    with opened(config_file) as house:
        if clock_is_right:
            ClockGuard(house.storage.database).confirm(seconds(system_clock()))
        if not house.config.deletes and not as_json:
            click.echo("[retention] days is 0: studies stay until somebody deletes them.")
        work = purge_of(house)
        done = work.would() if dry_run else work.run()
    _say(done, dry_run, as_json)


def _say(done: Purged, dry_run: bool, as_json: bool) -> None:
    if as_json:
        print_json({"dry_run": dry_run, **asdict(done)})
        return
    verb = "would be " if dry_run else ""
    if done.stopped:
        click.echo(f"Nothing was deleted: {done.stopped}.")
    for what, studies in (("marked", done.marked), ("unmarked", done.unmarked), ("deleted", done.deleted)):
        for study in studies:
            click.echo(f"{verb}{what:9} {study}")
    for share in done.forgotten_shares:
        click.echo(f"{verb}forgotten share {share}")
    click.echo(f"{len(done.deleted)} studies, {_amount(Extent(instances=done.instances, size=done.size))}")


@click.command()
@click.argument("study", metavar="STUDY")
@click.option("--series", default="", metavar="UID", help="Only this series.")
@click.option("--instance", default="", metavar="UID", help="Only this instance; with --series.")
@click.option("--reason", type=click.Choice(get_args(Reason)), help="For the audit; needed unless --dry-run.")
@click.option("--dry-run", is_flag=True, help="Say what would go; change nothing.")
@config_option
@json_option
def delete(
    study: str,
    series: str,
    instance: str,
    reason: Reason | None,
    dry_run: bool,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Delete a study by its Study Instance UID now, for good, without mark and grace.

    It may be sent again afterwards: so a study that was corrected in the PACS takes the place of the old one.
    """
    if instance and not series:
        raise click.UsageError("--instance needs --series.")
    if not (reason or dry_run):
        raise click.UsageError("Say why, with --reason.")
    target = Target(study, series, instance)
    with opened(config_file) as house:
        deletion = house.storage.deletion
        if dry_run:
            extent = deletion.preview(WholeArchive(), [target])
        else:
            extent = deletion.delete(WholeArchive(), target, source="command line", reason=reason)
    if as_json:
        print_json({"dry_run": dry_run, **asdict(extent)})
    else:
        click.echo(f"{'would be ' if dry_run else ''}deleted: {_amount(extent)}")


def _amount(extent: Extent) -> str:
    return f"{extent.instances} instances, {extent.size / 1024**2:.1f} MB"


@click.group()
def hold() -> None:
    """Legal holds: studies that nobody and nothing can delete."""


@hold.command()
@click.option("--study", default="", metavar="UID", help="This study.")
@click.option("--patient-id", default="", metavar="ID", help="Every study of this patient, also those to come.")
@click.option("--reason", required=True, help="For those who come later; a file number, no name.")
@config_option
@json_option
def add(study: str, patient_id: str, reason: str, config_file: Path | None, as_json: bool) -> None:
    """Lay a hold."""
    with opened(config_file) as house:
        try:
            made = Holds(house.storage.database).add(study_instance_uid=study, patient_id=patient_id, reason=reason)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
    _print([made], as_json)


@hold.command()
@click.argument("hold_id", metavar="ID", type=int)
@config_option
def remove(hold_id: int, config_file: Path | None) -> None:
    """Remove a hold; what nobody needs goes after its grace."""
    with opened(config_file) as house:
        Holds(house.storage.database).remove(hold_id)
    click.echo(f"Hold {hold_id} is removed.")


@hold.command("list")
@config_option
@json_option
def list_(config_file: Path | None, as_json: bool) -> None:
    """Every hold."""
    with opened(config_file) as house:
        found = Holds(house.storage.database).list()
    _print(found, as_json)


def _print(holds: Any, as_json: bool) -> None:
    if as_json:
        print_json([asdict(one) for one in holds])
        return
    for one in holds:
        click.echo(_line(one))


def _line(one: Hold) -> str:
    what = f"study {one.study_instance_uid}" if one.study_instance_uid else f"patient {one.patient_id}"
    return f"{one.id:4}  {what}  {one.reason}"
