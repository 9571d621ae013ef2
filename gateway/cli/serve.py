"""`durchblick serve`."""

import gc
import sys
from pathlib import Path
from typing import cast

import click

from gateway import log
from gateway.cli.options import config_option
from gateway.config import Config, load
from gateway.dangers import dangers
from gateway.processes import CANNOT_START, CannotStart, Parent
from gateway.seats import Place, told
from gateway.supervisor import ROLES, Role, places, run_all, seats_of


@click.command()
@config_option
@click.option("--role", type=click.Choice(ROLES), help="Only this one; by default all, supervised.")
@click.option("--parent", type=int, hidden=True)
@click.option("--seat", nargs=2, type=int, hidden=True)
@click.option("--rows", type=int, hidden=True)
@click.option("--socket", "sockets", nargs=2, type=(str, int), multiple=True, hidden=True)
def serve(
    config_file: Path | None,
    role: str | None,
    parent: int | None,
    seat: tuple[int, int] | None,
    rows: int | None,
    sockets: tuple[tuple[str, int], ...],
) -> None:
    """Run the gateway: portal and DICOMweb, DICOM network, and the work behind them."""
    config = load(config_file)
    log.configure(config.log.level)
    found = dangers(config)
    if found:
        for objection in found:
            click.echo(f"Error: {objection.sentence}", err=True)
        sys.exit(_status(parent))
    chosen = cast(tuple[Role, ...], (role,) if role else ROLES)
    try:
        if role and seat:
            _run_role(chosen[0], config, told(seat, rows, sockets), Parent(parent))
        elif role and len(seats_of(chosen[0], config)) == 1:
            with places(chosen[0], config) as (place,):
                _run_role(chosen[0], config, place, Parent(parent))
        else:
            run_all(config, chosen, ["--config", str(config_file.resolve())] if config_file else [], Parent(parent))
    except CannotStart as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(_status(parent))


def _run_role(role: Role, config: Config, place: Place, parent: Parent) -> None:
    # Nothing of what comes now is garbage; `run_role` enables it again.
    gc.disable()
    # Here, because the supervisor needs nothing of what the roles are made of.
    from gateway.roles import run_role

    run_role(role, config, place, parent)


def _status(parent: int | None) -> int:
    return 1 if parent is None else CANNOT_START
