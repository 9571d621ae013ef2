"""`durchblick serve`."""

import sys
from pathlib import Path
from typing import cast

import click

from dimse.seats import Seat
from gateway import log
from gateway.cli.options import config_option
from gateway.config import load
from gateway.dangers import dangers
from gateway.processes import CANNOT_START, CannotStart, Parent
from gateway.supervisor import ROLES, Role, run_all


@click.command()
@config_option
@click.option("--role", type=click.Choice(ROLES), help="Only this one; by default all, supervised.")
@click.option("--parent", type=int, hidden=True)
@click.option("--seat", nargs=2, type=int, default=(1, 1), hidden=True)
def serve(config_file: Path | None, role: str | None, parent: int | None, seat: tuple[int, int]) -> None:
    """Run the gateway: portal and DICOMweb, DICOM network, and the work behind them."""
    config = load(config_file)
    log.configure(config.log.level)
    found = dangers(config)
    if found:
        for objection in found:
            click.echo(f"Error: {objection.sentence}", err=True)
        sys.exit(_status(parent))
    try:
        if role is None:
            run_all(config, ["--config", str(config_file.resolve())] if config_file else [], Parent(parent))
        else:
            # Here, because the supervisor needs nothing of what the roles are made of.
            from gateway.roles import run_role

            run_role(cast(Role, role), config, Parent(parent, Seat(*seat)))
    except CannotStart as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(_status(parent))


def _status(parent: int | None) -> int:
    return 1 if parent is None else CANNOT_START
