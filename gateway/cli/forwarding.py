"""`durchblick forward`: what is to be sent on to PACS, and what became of it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import click

from gateway.cli.household import opened, site_name
from gateway.cli.listing import print_list, trouble_document, trouble_lines
from gateway.cli.options import config_option, json_option
from gateway.forwarding.deliveries import NoSuchDelivery
from gateway.forwarding.delivery import Delivery, State, Wanted
from gateway.forwarding.rulebook import KeptRule
from gateway.forwarding.rules import Selection
from storage.errors import Refusal
from storage.scope import WholeArchive


@click.group()
def forward() -> None:
    """Say what is sent on to PACS, and send more."""


@forward.command("list")
@click.option("--state", "states", multiple=True, type=click.Choice(get_args(State)), help="Default: waiting, failed.")
@config_option
@json_option
def list_(states: tuple[State, ...], config_file: Path | None, as_json: bool) -> None:
    """Show deliveries, newest first."""
    with opened(config_file) as house:
        found = house.deliveries.listed(states or ("waiting", "failed"))
    print_list(found, _document, _lines, as_json)


@forward.command()
@config_option
@json_option
def rules(config_file: Path | None, as_json: bool) -> None:
    """Show the rules of the configuration and those of the desk, and which of them hold."""
    with opened(config_file) as house:
        found = house.rules.all()
    print_list(found, _rule, _rule_lines, as_json)


@forward.command()
@click.option("--study", required=True, metavar="UID", help="All of this study.")
@click.option("--to", "target", required=True, metavar="TARGET", help="A name of [[forwarding.targets]].")
@config_option
@json_option
def send(study: str, target: str, config_file: Path | None, as_json: bool) -> None:
    """Send a study, also one that no rule names."""
    with opened(config_file) as house:
        if target not in {one.name for one in house.config.forwarding.targets}:
            raise click.ClickException(f"There is no target {target}; list it under [[forwarding.targets]].")
        index = house.storage.index
        try:
            index.instances(WholeArchive(), study)
        except Refusal as refusal:
            raise click.ClickException(refusal.detail) from refusal
        newest = index.arrivals(WholeArchive(), None).place
        arrivals = index.arrived(WholeArchive(), study, 0, newest)
        wanted = Wanted("", target, study, 0, arrivals[-1].place, Selection(), len(arrivals))
        found = house.deliveries.want(wanted)
    print_list([found], _document, _lines, as_json)


@forward.command()
@click.argument("number", type=int)
@config_option
@json_option
def retry(number: int, config_file: Path | None, as_json: bool) -> None:
    """Begin a failed delivery anew, or try one that waits at once."""
    with opened(config_file) as house:
        try:
            found = house.deliveries.retry(number)
        except NoSuchDelivery as error:
            raise click.ClickException(str(error)) from error
    print_list([found], _document, _lines, as_json)


@forward.command()
@click.argument("number", type=int)
@config_option
def drop(number: int, config_file: Path | None) -> None:
    """Give up a delivery that waits or has failed."""
    with opened(config_file) as house:
        try:
            house.deliveries.drop(number)
        except NoSuchDelivery as error:
            raise click.ClickException(str(error)) from error
    click.echo("Given up.")


def _document(one: Delivery) -> dict[str, Any]:
    return {
        "number": one.id,
        "state": one.state,
        "rule": one.wanted.rule,
        "target": one.wanted.target,
        "study": one.wanted.study,
        "instances": one.wanted.instances,
        "sent": one.sent,
        "warned": one.warned,
        "refused": one.refused,
        "committed": one.committed,
        "attempts": one.attempts,
        **trouble_document(one.trouble),
        "requested": _moment(one.requested_at),
        "due": _moment(one.due_at) if one.state == "waiting" else None,
        "finished": None if one.finished_at is None else _moment(one.finished_at),
    }


def _lines(one: Delivery) -> list[str]:
    counts = f"{one.sent} of {one.wanted.instances} sent" + (f", {one.refused} refused" if one.refused else "")
    if one.needless:
        counts += ", the others came from there or are not kept any more"
    line = f"{one.id}  {one.state}  {one.wanted.target}  {one.wanted.study}  {counts}  {_moment(one.requested_at)}"
    return [line, *trouble_lines(one.trouble)]


def _rule(one: KeptRule) -> dict[str, Any]:
    selection = one.rule.selection
    return {
        "number": one.rule.number or None,
        "name": one.rule.name,
        "standing": one.standing,
        "to": one.rule.targets,
        "lost": one.lost,
        "sources": sorted(selection.sources),
        "sites": sorted(map(site_name, selection.sites)),
        "modalities": sorted(selection.modalities),
        "match": dict(selection.keys),
    }


def _rule_lines(kept: KeptRule) -> list[str]:
    one = _rule(kept)
    conditions = [f"{name}={','.join(one[name])}" for name in ("sources", "sites", "modalities") if one[name]]
    conditions += [f"{keyword}={'|'.join(values)}" for keyword, values in one["match"].items()]
    where = f"desk {one['number']}" if one["number"] else "file"
    first = f"{one['standing']}  {where}  {one['name']}  {' '.join(conditions) or 'everything'}"
    return [first, f"    to {', '.join(one['to']) or 'nowhere'}"]


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
