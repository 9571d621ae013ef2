"""`durchblick export`: what patients get on the page of downloads, for whoever works here."""

import shutil
import tempfile
from pathlib import Path

import click

from gateway.cli.household import opened
from gateway.cli.options import config_option, json_option, print_json
from gateway.downloads.contents import records_of
from gateway.downloads.downloads import Form
from gateway.downloads.layout import Prepared
from gateway.downloads.making import Order
from gateway.downloads.worker import Preparation
from storage.scope import ListedStudies


@click.command()
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False, writable=True))
@click.option("--study", "studies", multiple=True, required=True, metavar="UID", help="A study; may be repeated.")
@click.option("--anonymise", is_flag=True, help="Only images, without what tells whose they are (PS3.15 annex E).")
@click.option(
    "--form",
    type=click.Choice(["archive", "pictures", "sheets", "films"]),
    default="archive",
    help="archive: the originals with a viewer. pictures: JPEG. sheets: contact sheets (PDF). films: MP4, by FFmpeg.",
)
@config_option
@json_option
def export(
    target: Path, studies: tuple[str, ...], anonymise: bool, form: Form, config_file: Path | None, as_json: bool
) -> None:
    """Write studies as a ZIP archive, of IHE PDI with a viewer unless told otherwise, to TARGET, which must not exist.

    It is signed.
    """
    if anonymise and form != "archive":
        raise click.UsageError("Pictures, contact sheets and films cannot be anonymised.")
    with opened(config_file) as house:
        scope = ListedStudies(frozenset(studies))
        records = [record for study in studies for record in records_of(house.storage.index, scope, study)]
        maker = Preparation(house, lambda: False).maker("anonymised" if anonymise else form)
        house.downloads_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix="export-", dir=house.downloads_folder.parent))
        try:
            site = house.config.site
            maker.make(Order(scope, records, site.language, site), draft / "archive", lambda done: None)
            prepared = Prepared(draft / "archive", house.storage.files)
            with target.open("xb") as file:
                for piece in prepared.archive():
                    file.write(piece)
        except FileExistsError as error:
            raise click.ClickException(f"{target} is there already.") from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    if as_json:
        print_json({"file": str(target), "files": prepared.layout.files, "bytes": prepared.layout.size})
    else:
        click.echo(f"{target}: {prepared.layout.files} files, {prepared.layout.size} bytes")
