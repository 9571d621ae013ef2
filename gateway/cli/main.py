"""The command `durchblick` itself."""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Final

import click

from gateway.config import ConfigError
from storage.errors import Refusal

_COMMANDS: Final = {
    "ae": "gateway.cli.entities:ae",
    "archive": "gateway.cli.archive:archive",
    "audit": "gateway.cli.audit:audit",
    "check": "gateway.cli.upkeep:check",
    "conformance": "gateway.cli.conformance:conformance",
    "delete": "gateway.cli.retention:delete",
    "demo": "gateway.cli.demo:demo",
    "export": "gateway.cli.exporting:export",
    "forward": "gateway.cli.forwarding:forward",
    "hold": "gateway.cli.retention:hold",
    "import": "gateway.cli.importing:import_",
    "openapi": "gateway.cli.openapi:openapi",
    "purge": "gateway.cli.retention:purge",
    "public-key": "gateway.cli.verifying:public_key",
    "serve": "gateway.cli.serve:serve",
    "share": "gateway.cli.shares:share",
    "sweep": "gateway.cli.upkeep:sweep",
    "user": "gateway.cli.users:user",
    "token": "gateway.cli.tokens:token",
    "upload": "gateway.cli.uploads:upload",
    "verify": "gateway.cli.verifying:verify_",
}


class _Commands(click.Group):
    """Imports a command only when it is used: the supervisor of `serve` needs none of the libraries of its roles.

    What is refused inside ends as one sentence on standard error and status 1.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module, _, attribute = _COMMANDS.get(cmd_name, "").partition(":")
        found = getattr(import_module(module), attribute) if module else None
        return found if isinstance(found, click.Command) else None

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (ConfigError, ImportError) as error:
            raise click.ClickException(str(error)) from error
        except Refusal as refusal:
            raise click.ClickException(f"{refusal.title}: {refusal.detail}") from refusal


def _version(context: click.Context, parameter: click.Parameter, asked: bool) -> None:
    if not asked:
        return
    try:
        click.echo(f"durchblick {version('durchblick')}")
    except PackageNotFoundError:
        click.echo("durchblick, from a folder that is not installed")
    context.exit()


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Say which it is.")
def durchblick() -> None:
    """A DICOMweb imaging gateway with a patient portal.

    Exit status: 0 done, 1 something was refused or could not be done, 2 the command was not understood.
    """


def main() -> None:
    """Run the command line and exit."""
    durchblick(prog_name="durchblick")
