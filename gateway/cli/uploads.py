"""`durchblick upload`: links by which images may be sent in, and what was sent."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, get_args

import click

from auth.sheet_texts import Language
from gateway.cli.household import opened, site_key, site_name
from gateway.cli.listing import print_list
from gateway.cli.options import config_option, json_option, print_json
from gateway.intake.correcting import CORRECTABLE, correction
from gateway.intake.links import Form, UploadLink
from gateway.intake.sheet import link_sheet
from gateway.intake.uploads import UNDECIDED, State, Upload
from gateway.sheets import site_of

_BY = "command line"
_Command = TypeVar("_Command", bound=Callable[..., Any])


@click.group()
def upload() -> None:
    """Take in what patients and referrers send."""


@upload.group()
def link() -> None:
    """Links by which something may be sent in."""


def _site_option(meaning: str, **more: Any) -> Callable[[_Command], _Command]:
    return click.option("--site", metavar="KEY", help=f"{meaning} [site] is called main.", **more)


@link.command()
@click.option("--for", "form", type=click.Choice(get_args(Form)), default="patient", help="Which form is asked.")
@click.option("--label", default="", help="What the link is for.")
@click.option("--days", type=click.IntRange(0, 3650), help="How long it is valid. Default: until it is revoked.")
@click.option("--language", type=click.Choice(get_args(Language)), default="de", help="Of the sheet.")
@click.option("--sheet", "sheet_file", type=click.Path(path_type=Path, dir_okay=False), help="Write its sheet as PDF.")
@_site_option("Whose link it is, and who decides on what comes by it.", default="main", show_default=True)
@config_option
@json_option
def create(
    form: Form,
    label: str,
    days: int | None,
    language: Language,
    sheet_file: Path | None,
    site: str,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Make a link; it is shown once."""
    with opened(config_file) as house:
        issued = house.intake.links.create(form, label, language, days, site=site_key(house, site))
        if sheet_file:
            paper = site_of(house, issued.link.site).paper
            sheet_file.write_bytes(link_sheet(house.config, issued, language=language, paper=paper))
            house.storage.audit.record("upload sheet printed", issued.link.id)
        document = _link(issued.link) | {"code": issued.code, "url": issued.url(house.config.public_root)}
    if as_json:
        print_json(document)
    else:
        click.echo(document["url"])


@link.command("list")
@_site_option("Those of one site.")
@config_option
@json_option
def list_links(site: str | None, config_file: Path | None, as_json: bool) -> None:
    """Show links, those that can be used first."""
    with opened(config_file) as house:
        found = [_link(one) for one in house.intake.links.of_site(site and site_key(house, site))]
    if as_json:
        print_json(found)
        return
    for one in found:
        click.echo(f"{one['id']}  {one['form']}  {'live' if one['live'] else 'ended'}  {one['site']}  {one['label']}")


@link.command()
@click.argument("link_id")
@config_option
@json_option
def revoke(link_id: str, config_file: Path | None, as_json: bool) -> None:
    """End a link for good."""
    with opened(config_file) as house:
        document = _link(house.intake.links.revoke(link_id))
    if as_json:
        print_json(document)
    else:
        click.echo("Revoked.")


@upload.command("list")
@click.option("--state", "states", multiple=True, type=click.Choice(get_args(State)), help="Default: not decided.")
@_site_option("Those of one site.")
@config_option
@json_option
def list_(states: tuple[State, ...], site: str | None, config_file: Path | None, as_json: bool) -> None:
    """Show uploads, what has waited longest first."""
    with opened(config_file) as house:
        found = house.intake.uploads.listed(states or UNDECIDED, site and site_key(house, site))
    print_list(found, _document, _lines, as_json)


@upload.command()
@click.argument("reference")
@config_option
def show(reference: str, config_file: Path | None) -> None:
    """Show what was sent, and what was found in it, as JSON."""
    with opened(config_file) as house:
        print_json(_document(house.intake.uploads.by_reference(reference)))


@upload.command()
@click.argument("reference")
@click.option("--set", "corrections", multiple=True, metavar="KEYWORD=VALUE", help=f"One of {', '.join(CORRECTABLE)}.")
@config_option
@json_option
def accept(reference: str, corrections: tuple[str, ...], config_file: Path | None, as_json: bool) -> None:
    """Take an upload into the archive, with these attributes instead of its own."""
    given = dict(_correction(one) for one in corrections)
    with opened(config_file) as house:
        uploads = house.intake.uploads
        print_list([uploads.accept(uploads.by_reference(reference), given, _BY)], _document, _lines, as_json)


@upload.command()
@click.argument("reference")
@click.option("--remark", default="", help="What the sender reads.")
@config_option
@json_option
def reject(reference: str, remark: str, config_file: Path | None, as_json: bool) -> None:
    """Refuse an upload; its files are removed."""
    with opened(config_file) as house:
        uploads = house.intake.uploads
        print_list([uploads.reject(uploads.by_reference(reference), remark, _BY)], _document, _lines, as_json)


@upload.command()
@click.argument("reference")
@click.option("--remark", required=True, help="What the sender reads.")
@config_option
@json_option
def ask(reference: str, remark: str, config_file: Path | None, as_json: bool) -> None:
    """Ask the sender something; he may send more."""
    with opened(config_file) as house:
        uploads = house.intake.uploads
        print_list([uploads.ask(uploads.by_reference(reference), remark, _BY)], _document, _lines, as_json)


def _correction(given: str) -> tuple[str, str]:
    keyword, separator, value = given.partition("=")
    if not separator or keyword not in CORRECTABLE:
        raise click.BadParameter(f"{given!r} is not KEYWORD=VALUE with one of {', '.join(CORRECTABLE)}")
    try:
        return keyword, correction(keyword, value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _link(one: UploadLink) -> dict[str, Any]:
    return {
        "id": one.id,
        "site": site_name(one.site),
        "form": one.form,
        "label": one.label,
        "live": one.live,
        "created": one.created.isoformat(),
        "expires": one.expires and one.expires.isoformat(),
    }


def _document(one: Upload) -> dict[str, Any]:
    return {
        "reference": one.reference,
        "site": site_name(one.site),
        "state": one.state,
        "answers": one.answers,
        "findings": one.findings,
        "corrections": one.corrections,
        "remark": one.remark,
        "created": one.created.isoformat(),
        "changed": one.changed.isoformat(),
    }


def _lines(one: Upload) -> list[str]:
    return [f"{one.reference}  {one.state}  {one.findings.get('stored', 0)} instances  {one.changed.isoformat()}"]
