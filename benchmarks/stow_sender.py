"""A lean Store client for measurements: whole requests are in memory before the clock starts.

    python -m benchmarks.stow_sender PORT TOKEN CONNECTIONS FOLDER

posts each file of FOLDER, a multipart body, once, over so many connections at a time, and prints {"seconds",
"succeeded", "failed"} in instances.
"""

import http.client
import json
import sys
from pathlib import Path
from typing import Final

from benchmarks.sender import seconds_of

_REFERENCED_SOP: Final = "00081199"


class _Sender:
    """One connection and the requests that go over it."""

    def __init__(self, port: int, token: str, bodies: list[bytes]) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._bodies = bodies
        self._headers = {"Content-Type": _type_of(bodies), "Accept": "application/dicom+json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self.stored = 0
        self.failed = 0

    def send(self) -> None:
        """Every request, one after the other."""
        for body in self._bodies:
            self._connection.request("POST", "/dicom-web/studies", body, self._headers)
            answer = self._connection.getresponse()
            content = answer.read()
            if answer.status == 200:
                self.stored += len(json.loads(content)[_REFERENCED_SOP]["Value"])
            else:
                self.failed += 1


def _type_of(bodies: list[bytes]) -> str:
    boundary = bodies[0][2 : bodies[0].index(b"\r\n")].decode() if bodies else "none"
    return f'multipart/related; type="application/dicom"; boundary={boundary}'


def main() -> None:
    """Send, and print the outcome as JSON."""
    port, token, connections, folder = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), Path(sys.argv[4])
    bodies = [path.read_bytes() for path in sorted(folder.iterdir())]
    senders = [_Sender(port, token, bodies[at::connections]) for at in range(connections)]
    seconds = seconds_of([sender.send for sender in senders])
    succeeded, failed = sum(one.stored for one in senders), sum(one.failed for one in senders)
    print(json.dumps({"seconds": seconds, "succeeded": succeeded, "failed": failed}))


if __name__ == "__main__":
    main()
