"""Whether `durchblick ae add` has entered anybody: what is refused without a list of senders asks it before it starts.

The data folder is only looked at, and the libraries of the roles are not needed.
"""

import sqlite3
from contextlib import closing

from gateway.config import Config


def has_entered_peers(config: Config) -> bool:
    """Whether the database names a peer; False too where there is no database yet, or none that can be read."""
    file = config.folder / "durchblick.sqlite"
    if not file.exists():
        return False
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            return connection.execute("SELECT 1 FROM application_entity LIMIT 1").fetchone() is not None
    except sqlite3.Error:
        return False
