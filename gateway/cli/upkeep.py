"""`durchblick check` and `durchblick sweep`: is everything well, and tidy up."""

import sys
from dataclasses import asdict
from pathlib import Path

import click

from gateway.checks import Finding, findings
from gateway.cli.household import opened
from gateway.cli.options import config_option, json_option, print_json
from gateway.config import load
from gateway.jobs import mend


@click.command()
@config_option
@json_option
def check(config_file: Path | None, as_json: bool) -> None:
    """Test configuration and machine, and say what is missing and how to mend it."""
    found = findings(load(config_file))
    if as_json:
        print_json([asdict(finding) for finding in found])
    else:
        for finding in found:
            click.echo(_line(finding))
    sys.exit(0 if all(finding.good for finding in found) else 1)


def _line(finding: Finding) -> str:
    mark = "ok  " if finding.good else "FAIL"
    return f"{mark}  {finding.what}: {finding.sentence}"


@click.command()
@config_option
@json_option
def sweep(config_file: Path | None, as_json: bool) -> None:
    """Take in or remove what a crash left behind; report what is missing."""
    with opened(config_file) as house:
        report = asdict(mend(house))
    if as_json:
        print_json(report)
        return
    for key, value in report.items():
        click.echo(f"{key.replace('_', ' ')}: {value}")
