"""How commands list what there is, and what failed of it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

from dimse.scu.trouble import Trouble
from gateway.cli.options import print_json

_Entry = TypeVar("_Entry")


def print_list(
    entries: Sequence[_Entry],
    document: Callable[[_Entry], Mapping[str, Any]],
    lines: Callable[[_Entry], Sequence[str]],
    as_json: bool,
) -> None:
    """Print `entries`: a list of their documents as JSON, else the lines of each, or that there are none."""
    if as_json:
        print_json([document(one) for one in entries])
        return
    for one in entries:
        for line in lines(one):
            click.echo(line)
    if not entries:
        click.echo("There are none.")


def trouble_lines(trouble: Trouble | None) -> list[str]:
    """What `print_list` says below an entry that failed."""
    return [f"    {trouble.kind}: {trouble.sentence}"] if trouble else []


def trouble_document(trouble: Trouble | None) -> dict[str, str]:
    """The same as JSON: both empty where nothing failed."""
    return {"trouble_kind": trouble.kind if trouble else "", "trouble": trouble.sentence if trouble else ""}
