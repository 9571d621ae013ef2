"""`durchblick conformance`: the DICOM conformance statement."""

import click


@click.command()
def conformance() -> None:
    """Print the DICOM conformance statement as Markdown, made of the tables the program works with."""
    from gateway.conformance.statement import statement

    click.echo(statement(), nl=False)
