"""The child of test_kill: stores instances without end and prints each only once it has been acknowledged."""

import os
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path

from tests.support.keeping import Keeping
from tests.support.synthetic import ct, part10


def ingest_without_end(folder: Path, run: int, acknowledging: Connection) -> None:
    keeping = Keeping(folder)
    pattern = part10(ct(rows=64, columns=64, SOPInstanceUID="1.2.33333333", StudyInstanceUID="1.2.4444"))

    def store(number: int) -> None:
        uids = f"1.2.{10_000_000 + run * 100_000 + number}", f"1.2.{1000 + number % 7}"
        data = pattern.replace(b"1.2.33333333", uids[0].encode()).replace(b"1.2.4444", uids[1].encode())
        stored = keeping.put(data)
        words = (stored.study_instance_uid, stored.series_instance_uid, stored.sop_instance_uid)
        os.write(acknowledging.fileno(), f"{' '.join(words)} {sha256(data).hexdigest()}\n".encode())

    def feed(start: int) -> None:
        for number in count(start, 4):
            store(number)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(feed, range(4)))
