"""`durchblick import`."""

import sys
from collections import Counter
from pathlib import Path

import click

from gateway.cli.household import opened
from gateway.cli.options import config_option, json_option, print_json
from gateway.importing import Importer, Result


@click.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@config_option
@json_option
def import_(paths: tuple[Path, ...], config_file: Path | None, as_json: bool) -> None:
    """Store files, folders and ZIP archives; a DICOMDIR is passed over and the files beside it are read."""
    with opened(config_file) as house:
        counts: Counter[str] = Counter()
        told: list[Result] = []
        for result in Importer(house.storage.ingest).run(list(paths)):
            counts[result.outcome] += 1
            if result.outcome in {"refused", "skipped"}:
                told.append(result)
    _report(counts, told, as_json)
    nothing = not counts["stored"] and not counts["already"]
    sys.exit(1 if counts["refused"] or nothing else 0)


def _report(counts: Counter[str], told: list[Result], as_json: bool) -> None:
    numbers = {outcome: counts[outcome] for outcome in ("stored", "already", "skipped", "refused")}
    if as_json:
        rows = [
            {"path": each.path, "outcome": each.outcome, "detail": each.detail, "status": f"{each.dicom_status:04X}H"}
            for each in told
        ]
        print_json({**numbers, "files": rows})
        return
    for each in told:
        if each.outcome == "refused":
            click.echo(f"refused {each.path}: {each.detail}", err=True)
    click.echo(", ".join(f"{outcome} {number}" for outcome, number in numbers.items()))
