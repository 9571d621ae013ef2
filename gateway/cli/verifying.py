"""`durchblick verify`: are the files of an archive as they left the house?"""

import sys
from dataclasses import asdict
from pathlib import Path

import click

from gateway.cli.options import config_option, json_option, print_json
from gateway.config import load
from gateway.downloads.manifest import Verdict, verify
from gateway.downloads.site_key import SiteKey


@click.command("verify")
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--key",
    "key_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Public key of the house that made it (PEM). Default: the one of this house.",
)
@config_option
@json_option
def verify_(path: Path, key_file: Path | None, config_file: Path | None, as_json: bool) -> None:
    """Compare a ZIP archive or an unpacked folder that patients took along with its signed manifest.

    Exit status: 0 every file is as it left the house, 1 something was changed or is missing, or nothing can be told.
    """
    verdict = verify(path, key_file.read_text() if key_file else SiteKey(load(config_file).folder).public_pem)
    if as_json:
        print_json(asdict(verdict) | {"genuine": verdict.is_genuine})
    else:
        _say(verdict)
    sys.exit(0 if verdict.is_genuine else 1)


@click.command("public-key")
@config_option
def public_key(config_file: Path | None) -> None:
    """Print the public key with which others verify what patients took along."""
    click.echo(SiteKey(load(config_file).folder).public_pem, nl=False)


def _say(verdict: Verdict) -> None:
    if verdict.problem:
        click.echo(verdict.problem)
        return
    click.echo(f"signed by {verdict.site}, {verdict.made}; files as they were: {verdict.intact}")
    for name, files in (("changed", verdict.changed), ("missing", verdict.missing), ("added", verdict.added)):
        for file in files:
            click.echo(f"{name}: {file}")
