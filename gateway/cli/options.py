"""What every command shares: where the configuration comes from and how answers are printed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])


def config_option(command: _Command) -> _Command:
    """`--config FILE`, also from the environment as DURCHBLICK_CONFIG; default: config.toml here, else the defaults."""
    option = click.option(
        "--config",
        "config_file",
        type=click.Path(path_type=Path, dir_okay=False),
        envvar="DURCHBLICK_CONFIG",
        help="Configuration file. Default: config.toml in this folder, else built-in defaults.",
    )
    return option(command)


def json_option(command: _Command) -> _Command:
    """`--json`: the answer as one JSON document on standard output."""
    return click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")(command)


def print_json(document: object) -> None:
    """Print `document` on standard output, readable and stable."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))
