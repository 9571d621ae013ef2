"""The web services (PS3.18), row by row of the table of resources."""

from dicomweb.description.capabilities import template
from dicomweb.resources import RESOURCES
from dicomweb.transactions import Transaction
from gateway.conformance.markdown import table


def transactions() -> str:
    """The table of transactions that `docs/dicomweb.md` shows."""
    rows = [
        (
            f"`{one.method} {template(resource.path)}`",
            f"{one.name}: {resource.name}",
            one.clause,
            one.right or "any",
            _media_types(one),
        )
        for resource in sorted(RESOURCES, key=lambda resource: resource.path)
        for one in resource.transactions
    ]
    return table(("Request", "Transaction", "PS3.18", "Right", "Media types"), rows)


def _media_types(transaction: Transaction) -> str:
    """Each type once, whether single part or one of several parts."""
    offers = (offer.replace('multipart/related; type="', "").replace('"', "") for offer in transaction.offers)
    return ", ".join(dict.fromkeys(offers))
