"""`durchblick demo`."""

import asyncio
from pathlib import Path

import click

from gateway import demo as demonstration
from gateway import log, scu
from gateway.processes import CannotStart, Parent


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option("--parent", type=int, hidden=True)
def demo(paths: tuple[Path, ...], parent: int | None) -> None:
    """Show the whole: a gateway on a temporary folder, a study pushed into it, a share for its patient.

    Without PATH an invented patient with three examinations comes; with PATH the DICOM files below it.
    """
    log.configure("warning")
    try:
        asyncio.run(demonstration.run(scu.read(paths) if paths else None, Parent(parent), click.echo))
    except (CannotStart, ChildProcessError, scu.PushFailed) as error:
        raise click.ClickException(str(error)) from error
