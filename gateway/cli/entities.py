"""`durchblick ae`: the application entities that may call us, and that we call."""

import sys
from pathlib import Path
from typing import Any

import click

from dimse.application_entities import KnownPeer
from dimse.scu.caller import Caller
from dimse.scu.trial import AcceptedSyntaxes, Trial, name_of, try_peer
from dimse.scu.wire import Patience
from dimse.settings import ALLOWANCES, Peer
from gateway.cli.household import opened
from gateway.cli.options import config_option, json_option, print_json
from gateway.house import House, dimse_settings

_TRIAL = Patience(connect=5.0, association=10.0, response=10.0, send=10.0, release=2.0)


@click.group()
def ae() -> None:
    """Say which application entities there are, and try them."""


def _allowances(context: click.Context, parameter: click.Parameter, value: str) -> tuple[str, ...]:
    asked = {part.strip() for part in value.split(",") if part.strip()}
    if not asked <= set(ALLOWANCES):
        raise click.BadParameter(f"choose from {', '.join(ALLOWANCES)}, joined by commas")
    return tuple(one for one in ALLOWANCES if one in asked)


@ae.command()
@click.argument("ae_title")
@click.argument("host")
@click.argument("port", type=click.IntRange(1, 65535))
@click.option("--tls", is_flag=True, help="Call it over TLS.")
@click.option(
    "--allow",
    callback=_allowances,
    default=",".join(ALLOWANCES),
    metavar=",".join(ALLOWANCES),
    help="What it may do here. Default: all of it.",
)
@click.option("--transfer-syntax", "syntaxes", multiple=True, metavar="UID", help="It may store in this one only.")
@click.option("--sop-class", "sop_classes", multiple=True, metavar="UID", help="It may store this one only.")
@click.option("--associations", type=click.IntRange(0), default=0, help="How many at once; 0: the general limit.")
@config_option
@json_option
def add(
    ae_title: str,
    host: str,
    port: int,
    tls: bool,
    allow: tuple[str, ...],
    syntaxes: tuple[str, ...],
    sop_classes: tuple[str, ...],
    associations: int,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Make an application entity known; it counts at once, also for a gateway that runs.

    The options that restrict what it may store can be repeated.
    """
    peer = Peer(ae_title.strip(), host, port, tls, allow, syntaxes, sop_classes, associations)
    with opened(config_file) as house:
        try:
            house.entities.add(peer)
        except ValueError as error:
            raise click.ClickException(str(error)) from error
    if as_json:
        print_json(_described(KnownPeer(peer, False)))
    else:
        click.echo(f"{peer.ae_title} is known. Try it: durchblick ae test {peer.ae_title}")


@ae.command()
@click.argument("ae_title")
@config_option
@json_option
def remove(ae_title: str, config_file: Path | None, as_json: bool) -> None:
    """Forget an application entity that was added."""
    with opened(config_file) as house:
        try:
            house.entities.remove(ae_title)
        except ValueError as error:
            raise click.ClickException(str(error)) from error
    if as_json:
        print_json({"ae_title": ae_title, "removed": True})


@ae.command("list")
@config_option
@json_option
def list_(config_file: Path | None, as_json: bool) -> None:
    """Every application entity that is known, from configuration and database."""
    with opened(config_file) as house:
        rows = [_described(known) for known in house.entities.peers()]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        tls = "TLS" if row["tls"] else "plain"
        click.echo(
            f"{row['ae_title']:<16}  {row['host']}:{row['port']}  {tls}  {','.join(row['allow'])}  {row['from']}"
        )


@ae.command()
@click.argument("ae_title")
@click.option("--host", help="Try this host, whether the AE is known or not.")
@click.option("--port", type=click.IntRange(1, 65535), help="Its port.")
@click.option("--tls", is_flag=True, help="Over TLS.")
@config_option
@json_option
def test(ae_title: str, host: str | None, port: int | None, tls: bool, config_file: Path | None, as_json: bool) -> None:
    """Call an application entity: TCP, TLS, association, C-ECHO, and what it accepts.

    Exit status 1 when a step failed; each says what to do.
    """
    if (host is None) != (port is None):
        raise click.UsageError("--host and --port belong together.")
    with opened(config_file) as house:
        peer = Peer(ae_title, host, port, tls) if host and port else _known(house, ae_title)
        settings = dimse_settings(house.config)
    trial = try_peer(Caller(settings.ae_title, settings.tls, _TRIAL), peer)
    if as_json:
        print_json(_reported(peer, trial))
    else:
        _print(peer, trial)
    sys.exit(0 if trial.good else 1)


def _known(house: House, ae_title: str) -> Peer:
    peer = house.entities.find(ae_title)
    if peer is None:
        sentence = f"No application entity has the AE title {ae_title}. Add it: durchblick ae add {ae_title} HOST PORT"
        raise click.ClickException(sentence)
    return peer


def _described(known: KnownPeer) -> dict[str, Any]:
    peer = known.peer
    return {
        "ae_title": peer.ae_title,
        "host": peer.host,
        "port": peer.port,
        "tls": peer.tls,
        "allow": list(peer.allow),
        "transfer_syntaxes": list(peer.transfer_syntaxes),
        "sop_classes": list(peer.sop_classes),
        "associations": peer.associations,
        "from": "configuration" if known.is_configured else "database",
    }


def _reported(peer: Peer, trial: Trial) -> dict[str, Any]:
    steps = [{"what": one.what, "good": one.good, "sentence": one.sentence} for one in trial.findings]
    contexts = [
        {"sop_class": one.sop_class_uid, "name": name_of(one.sop_class_uid), "transfer_syntaxes": one.transfer_syntaxes}
        for one in trial.accepted
    ]
    where = {"ae_title": peer.ae_title, "host": peer.host, "port": peer.port, "tls": peer.tls}
    return {**where, "good": trial.good, "steps": steps, "contexts": contexts}


def _print(peer: Peer, trial: Trial) -> None:
    click.echo(f"{peer.ae_title} at {peer.host} port {peer.port}{' over TLS' if peer.tls else ''}")
    for finding in trial.findings:
        click.echo(f"{'ok  ' if finding.good else 'FAIL'}  {finding.what}: {finding.sentence}")
    for syntaxes, alike in _grouped(trial.accepted):
        click.echo(f"\n{', '.join(name_of(uid) for uid in syntaxes)}")
        for one in alike:
            click.echo(f"  {name_of(one.sop_class_uid)}")


def _grouped(accepted: tuple[AcceptedSyntaxes, ...]) -> list[tuple[tuple[str, ...], list[AcceptedSyntaxes]]]:
    """SOP classes that are accepted in the same transfer syntaxes, together."""
    groups: dict[tuple[str, ...], list[AcceptedSyntaxes]] = {}
    for one in accepted:
        groups.setdefault(one.transfer_syntaxes, []).append(one)
    return list(groups.items())
