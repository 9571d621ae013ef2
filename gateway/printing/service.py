"""Print by sending as [[dimse.print]] wants it."""

from auth.clock import system_clock
from gateway.house import House
from gateway.printing.by_sending import PrintBySending, Printer, PrintTitle
from gateway.printing.orders import Orders
from gateway.printing.printer import PrintCommand, SpoolFolder
from gateway.sections import PrintConfig
from gateway.sheets import sheet
from storage.files import make_folder


def printing_of(house: House) -> PrintBySending | None:
    """The job, where there is something to do."""
    section = house.config.dimse.print
    if not section:
        return None
    storage = house.storage
    titles = [PrintTitle(one.ae_title, one.days, one.quiet_seconds, _printer(house, one)) for one in section]
    orders = Orders(storage.database, system_clock)
    return PrintBySending(
        storage.database,
        storage.audit,
        house.shares,
        orders,
        titles,
        lambda issued: sheet(house, issued),
        system_clock,
        by_site=bool(house.config.sites),
    )


def _printer(house: House, section: PrintConfig) -> Printer:
    if section.spool:
        return SpoolFolder(house.config.base / section.spool)
    folder = house.storage.folder / "printing"
    make_folder(folder.absolute())
    for left in folder.glob("*.pdf"):
        # A crash left it; there is a code on it.
        left.unlink(missing_ok=True)
    return PrintCommand(section.command, section.timeout_seconds, folder)
