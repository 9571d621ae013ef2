"""`durchblick demo`."""

import asyncio
from pathlib import Path

import click

from gateway import demo as demonstration
from gateway import log, scu
from gateway.cli.options import config_option
from gateway.config import load
from gateway.processes import CannotStart, Parent


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True))
@config_option
@click.option("--parent", type=int, hidden=True)
def demo(paths: tuple[Path, ...], config_file: Path | None, parent: int | None) -> None:
    """Show the whole: a gateway on a temporary folder, a study pushed into it, a share for its patient.

    Without PATH an invented patient with three examinations comes; with PATH the DICOM files below it.
    Of the configuration only [site] counts; folder and ports are temporary.
    """
    site = load(config_file).site
    log.configure("warning")
    try:
        asyncio.run(demonstration.run(scu.read(paths) if paths else None, site, Parent(parent), click.echo))
    except (CannotStart, ChildProcessError, scu.PushFailed) as error:
        raise click.ClickException(str(error)) from error
