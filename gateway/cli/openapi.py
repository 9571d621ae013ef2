"""`durchblick openapi`: the OpenAPI document of the web services."""

from pathlib import Path

import click

from gateway.cli.options import config_option
from gateway.config import load


@click.command()
@config_option
@click.option("--table", is_flag=True, help="Print the table of transactions that docs/dicomweb.md shows, as Markdown.")
def openapi(config_file: Path | None, table: bool) -> None:
    """Print the OpenAPI 3.1 document of the web services, made of the table that answers requests."""
    from dicomweb.routes import openapi_document
    from gateway.conformance.web import transactions

    config = load(config_file)
    document = openapi_document(config.public_root + config.http.dicomweb_path).decode()
    click.echo(transactions() if table else document)
