"""`durchblick archive`: what a site's archive (PACS) has, and fetching it."""

from pathlib import Path
from typing import Any

import click

from gateway.archive.archive import Archive, ArchiveAway, ArchivedStudy
from gateway.archive.retrievals import Retrieval
from gateway.archive.service import archive_of, retrievals_of
from gateway.cli.household import opened
from gateway.cli.listing import print_list, trouble_document, trouble_lines
from gateway.cli.options import config_option, json_option
from gateway.house import House
from storage.scope import PatientIdentity

_site_option = click.option("--site", default="", metavar="KEY", help="A key of [[sites]]; without it that of [site].")


@click.group()
def archive() -> None:
    """Look into the archive of a site, and let studies come from it."""


@archive.command("list")
@click.option("--patient-id", default="", metavar="ID")
@click.option("--issuer", default="", metavar="X", help="The issuer of the patient id.")
@click.option("--birth-date", default="", metavar="YYYYMMDD", help="Belongs to the patient id.")
@click.option("--accession", default="", metavar="NUMBER", help="Instead of a patient.")
@_site_option
@config_option
@json_option
def list_(
    patient_id: str, issuer: str, birth_date: str, accession: str, site: str, config_file: Path | None, as_json: bool
) -> None:
    """Show what the archive has of exactly this patient, or under an accession number."""
    if bool(accession) == bool(patient_id and birth_date):
        raise click.UsageError("Name either --accession, or --patient-id and --birth-date.")
    with opened(config_file) as house:
        asked = _archive(house, site)
        try:
            patient = PatientIdentity(patient_id, issuer, birth_date)
            found = asked.studies_by_accession(accession) if accession else asked.studies_of(patient)
        except ArchiveAway as away:
            raise click.ClickException(str(away)) from away
    print_list(found, _study, _study_lines, as_json)


@archive.command()
@click.option("--study", "studies", required=True, multiple=True, metavar="UID")
@_site_option
@config_option
@json_option
def fetch(studies: tuple[str, ...], site: str, config_file: Path | None, as_json: bool) -> None:
    """Let studies come; the running gateway fetches them in the background."""
    with opened(config_file) as house:
        asked = _archive(house, site)
        try:
            found = asked.studies(studies)
        except ArchiveAway as away:
            raise click.ClickException(str(away)) from away
        if missing := sorted(set(studies) - {one.uid for one in found}):
            raise click.ClickException(f"{asked.ae_title} does not have {', '.join(missing)}.")
        retrievals = retrievals_of(house)
        retrievals.want(site, asked.ae_title, "", found)
        listed = [one for one in retrievals.listed(site) if one.study in studies]
    print_list(listed, _retrieval, _retrieval_lines, as_json)


@archive.command()
@_site_option
@config_option
@json_option
def progress(site: str, config_file: Path | None, as_json: bool) -> None:
    """Show what was asked for lately, here or at the desk, and how far it is."""
    with opened(config_file) as house:
        listed = retrievals_of(house).listed(site)
    print_list(listed, _retrieval, _retrieval_lines, as_json)


def _archive(house: House, site: str) -> Archive:
    if house.config.site_of(site) is None:
        raise click.ClickException(f"There is no site {site}; list it under [[sites]].")
    found = archive_of(house, site)
    if found is None:
        raise click.ClickException("This site names no archive; see [archive] ae_title, or archive of [[sites]].")
    return found


def _study(one: ArchivedStudy) -> dict[str, Any]:
    return {
        "study": one.uid,
        "date": one.study_date,
        "modalities": list(one.modalities),
        "description": one.description,
        "instances": one.instances,
    }


def _study_lines(one: ArchivedStudy) -> list[str]:
    number = "?" if one.instances is None else one.instances
    return [f"{one.uid}  {one.study_date or '?'}  {'/'.join(one.modalities) or '?'}  {number} instances"]


def _retrieval(one: Retrieval) -> dict[str, Any]:
    return {
        "study": one.study,
        "state": one.state,
        "archive": one.archive,
        "expected": one.expected,
        "received": one.received,
        "attempts": one.attempts,
        **trouble_document(one.trouble),
    }


def _retrieval_lines(one: Retrieval) -> list[str]:
    line = f"{one.study}  {one.state}  {one.archive}  {one.received} of {one.expected or '?'} instances"
    return [line, *trouble_lines(one.trouble)]
