"""`durchblick user`: accounts of those who work at the desk."""

from pathlib import Path
from typing import Any

import click

from auth.staff import ROLES, Member, Role
from gateway.cli.household import opened, site_key, site_name
from gateway.cli.options import config_option, json_option, print_json


@click.group()
def user() -> None:
    """Let staff into the desk and out again."""


_password_option = click.option(
    "--password-file",
    type=click.File("r"),
    help="Where the password stands, - for standard input. Without it you are asked for one.",
)


@user.command()
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), default="desk", show_default=True, help="What it may do.")
@click.option("--site", metavar="KEY", help="The only site that it sees; [site] is called main. Without: all of them.")
@click.option("--openid", is_flag=True, help="It signs in at the OpenID provider and has no password here.")
@_password_option
@config_option
@json_option
def add(
    name: str,
    role: Role,
    site: str | None,
    openid: bool,
    password_file: Any,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Make an account. Its first sign-in asks to set up one-time codes or a passkey."""
    with opened(config_file) as house:
        key = None if site is None else site_key(house, site)
        password = None if openid else _password(password_file)
        try:
            member = house.staff.add(name, role, key, password)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
    _say(member, as_json)


@user.command()
@click.argument("name")
@click.option("--forget-second-factor", is_flag=True, help="Its next sign-in sets up a new one.")
@_password_option
@config_option
@json_option
def passwd(name: str, forget_second_factor: bool, password_file: Any, config_file: Path | None, as_json: bool) -> None:
    """Set another password; open sessions end, and a disabled account lives again."""
    with opened(config_file) as house:
        house.staff.get(name)
        try:
            member = house.staff.set_password(name, _password(password_file), forget_second_factor=forget_second_factor)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
    _say(member, as_json)


@user.command("list")
@config_option
@json_option
def list_(config_file: Path | None, as_json: bool) -> None:
    """Every account."""
    with opened(config_file) as house:
        rows = [_row(each) for each in house.staff.list()]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        click.echo(f"{row['name']}  {row['role']}  site {row['site'] or 'all'}  {row['state']}")


@user.command()
@click.argument("name")
@config_option
@json_option
def disable(name: str, config_file: Path | None, as_json: bool) -> None:
    """End an account and its open sessions at once."""
    with opened(config_file) as house:
        member = house.staff.disable(name)
    _say(member, as_json)


def _password(file: Any) -> str:
    if file is None:
        typed: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        return typed
    return str(file.readline()).rstrip("\n")


def _row(member: Member) -> dict[str, Any]:
    state = "disabled" if member.disabled else "ready" if member.secured else "waits for its first sign-in"
    return {
        "name": member.name,
        "role": member.role,
        "site": None if member.site is None else site_name(member.site),
        "sign_in": member.sign_in,
        "state": state,
        "passkeys": member.passkeys,
    }


def _say(member: Member, as_json: bool) -> None:
    row = _row(member)
    if as_json:
        print_json(row)
        return
    for key, value in row.items():
        click.echo(f"{key.capitalize() + ':':10}{value if value is not None else 'all'}")
