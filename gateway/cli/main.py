"""The command `durchblick` itself."""

import sys

import click

from gateway.cli import demo, importing, serve, shares, tokens, upkeep
from gateway.config import ConfigError
from storage.errors import Refusal


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="durchblick", prog_name="durchblick")
def durchblick() -> None:
    """A DICOMweb imaging gateway with a patient portal.

    Exit status: 0 done, 1 something was refused or could not be done, 2 the command was not understood.
    """


durchblick.add_command(serve.serve)
durchblick.add_command(demo.demo)
durchblick.add_command(upkeep.check)
durchblick.add_command(upkeep.sweep)
durchblick.add_command(importing.import_)
durchblick.add_command(shares.share)
durchblick.add_command(tokens.token)


def main() -> None:
    """Run the command line and exit; what we refuse is one sentence on standard error and status 1."""
    try:
        durchblick(prog_name="durchblick")
    except ConfigError as error:
        _fail(str(error))
    except Refusal as refusal:
        _fail(f"{refusal.title}: {refusal.detail}")
    except ImportError as error:
        _fail(f"{error}")


def _fail(sentence: str) -> None:
    click.echo(f"Error: {sentence}", err=True)
    sys.exit(1)
