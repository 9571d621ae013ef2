"""`durchblick token`: bearer tokens for DICOMweb clients."""

from pathlib import Path

import click

from auth.tokens import RIGHTS
from gateway.cli.household import opened
from gateway.cli.options import config_option, json_option, print_json


@click.group()
def token() -> None:
    """Give DICOMweb clients their access and take it back."""


def _rights(context: click.Context, parameter: click.Parameter, value: str) -> frozenset[str]:
    rights = frozenset(part.strip() for part in value.split(","))
    if not rights <= set(RIGHTS):
        raise click.BadParameter(f"choose from {', '.join(RIGHTS)}, joined by commas")
    return rights


@token.command()
@click.argument("name")
@click.option(
    "--allow", "rights", required=True, callback=_rights, metavar="read,write,delete,share", help="What it may do."
)
@click.option("--study", "studies", multiple=True, metavar="UID", help="Only this study; may be repeated.")
@click.option("--site", default="", metavar="KEY", help="Where the right to share counts; without it at [site].")
@config_option
@json_option
def create(
    name: str, rights: frozenset[str], studies: tuple[str, ...], site: str, config_file: Path | None, as_json: bool
) -> None:
    """Make a bearer token and print it, once."""
    with opened(config_file) as house:
        if house.config.site_of(site) is None:
            raise click.UsageError(f"No site is called {site}.")
        try:
            secret = house.tokens.create(name, rights, frozenset(studies) or None, site=site)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
    if as_json:
        print_json({"token": secret})
    else:
        click.echo(secret)


@token.command("list")
@config_option
@json_option
def list_(config_file: Path | None, as_json: bool) -> None:
    """Every token by its name; the tokens themselves are not kept."""
    with opened(config_file) as house:
        rows = [
            {
                "name": each.name,
                "allow": ",".join(sorted(each.access.rights)),
                "live": each.live,
                "created": each.created.isoformat(),
            }
            for each in house.tokens.list()
        ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        click.echo(f"{row['name']}  {row['allow']}  {'live' if row['live'] else 'revoked'}")


@token.command()
@click.argument("name")
@config_option
@json_option
def revoke(name: str, config_file: Path | None, as_json: bool) -> None:
    """End every token of this name at once."""
    with opened(config_file) as house:
        house.tokens.revoke(name)
    if as_json:
        print_json({"name": name, "live": False})
