"""The client of the measurements over HTTP: one kept connection, the standard library's."""

import http.client
from types import TracebackType
from typing import Final, Self

from benchmarks.web_servers import Question, WebServer

JSON: Final = "application/dicom+json"
_SECONDS: Final = 300


class Client:
    """Asks one server, one question after the other."""

    def __init__(self, server: WebServer) -> None:
        self._server = server
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=_SECONDS)

    def __enter__(self) -> Self:
        self._connection.connect()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._connection.close()

    def get(self, path: str, accept: str) -> bytes:
        """The body of the 200 that answers this path of DICOMweb. RuntimeError for any other status."""
        return self.ask(Question(path, accept))

    def ask(self, question: Question) -> bytes:
        """The same for any question."""
        return self.begin(question).read()

    def begin(self, question: Question) -> http.client.HTTPResponse:
        """The same while its body is still to come."""
        self._connection.request("GET", self._server.address(question), headers=fields(self._server, question))
        answer = self._connection.getresponse()
        if answer.status != 200:
            body = answer.read()
            raise RuntimeError(f"{self._server.name}: {answer.status} for {question.path}: {body[:300]!r}")
        return answer


def on_the_wire(server: WebServer, question: Question) -> bytes:
    """The request for a question as a client sends it, for `fetcher`."""
    lines = [f"{name}: {value}" for name, value in fields(server, question).items()]
    return "\r\n".join((f"GET {server.address(question)} HTTP/1.1", "Host: 127.0.0.1", *lines, "", "")).encode()


def fields(server: WebServer, question: Question) -> dict[str, str]:
    """The header fields of a question to this server."""
    return {"Accept": question.accept, **dict(question.headers), **server.headers}
