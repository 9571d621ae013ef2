"""The viewer's files on an origin of their own, with a configuration of ours: a site's web server in a few lines.

It can also be the proxy of a site that has viewer and gateway on one origin, and that adds the token itself.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.client import HTTPConnection
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from tests.support.patience import PATIENCE

DIST: Final = Path(__file__).resolve().parents[2] / ".make" / "ohif" / "package" / "dist"

# As docs/dicomweb.md tells sites. That `config` is a function is OHIF's own way to let it reach the services; the data
# source is the first of its parts that starts when these are there.
_CONFIGURATION: Final = """window.config = ({ servicesManager }) => {
  const token = %(token)s;
  const configuration = %(source)s;
  configuration.onConfiguration = (source) => {
    if (token) {
      servicesManager.services.userAuthenticationService.setServiceImplementation({
        getAuthorizationHeader: () => ({ Authorization: `Bearer ${token}` }),
      });
    }
    return source;
  };
  const namespace = "@ohif/extension-default.dataSourcesModule.dicomweb";
  const dataSources = [{ namespace, sourceName: "durchblick", configuration }];
  return { ...%(rest)s, dataSources };
};
"""
_REST: Final[dict[str, Any]] = {
    "extensions": [],
    "modes": [],
    "showStudyList": True,
    "defaultDataSourceName": "durchblick",
    "investigationalUseDialog": {"option": "never"},
}


def configuration(dicomweb: str, token: str = "") -> str:
    """The app-config.js of a site whose gateway is at `dicomweb`; without `token`, links to the viewer bring one."""
    source: dict[str, Any] = {
        "friendlyName": "Durchblick",
        "qidoRoot": dicomweb,
        "wadoRoot": dicomweb,
        "wadoUriRoot": f"{dicomweb}/wado",
        "imageRendering": "wadors",
        "thumbnailRendering": "thumbnail",
        "thumbnailRequestStrategy": "fetch",
        "enableStudyLazyLoad": True,
        "supportsFuzzyMatching": True,
        "supportsWildcard": True,
        "singlepart": "pdf,video",
    }
    texts = {"token": token, "source": source, "rest": _REST}
    return _CONFIGURATION % {name: json.dumps(value, indent=2) for name, value in texts.items()}


_DOCUMENTED: Final = re.compile(r"### From a share.*?```js\n(.*?)```", re.DOTALL)


def documented(gateway: str) -> str:
    """The app-config.js of docs/dicomweb.md for shares, with a gateway's own address in its first line."""
    text = (Path(__file__).resolve().parents[2] / "docs" / "dicomweb.md").read_text(encoding="utf-8")
    found = _DOCUMENTED.search(text)
    assert found
    first, _, rest = found[1].partition("\n")
    assert first == 'const GATEWAY = "https://images.example.org";'
    return f"const GATEWAY = {json.dumps(gateway)};\n{rest}"


FORWARDED: Final = "/dicom-web"
_HOP_BY_HOP: Final = {"connection", "content-length", "keep-alive", "transfer-encoding"}


class _Files(SimpleHTTPRequestHandler):
    """Files below DIST; what is FORWARDED; every other path is a route of the viewer and gets its page."""

    server: "Viewer"

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        path = self.path.partition("?")[0]
        if path == "/app-config.js":
            self._answer(200, {"Content-Type": "text/javascript"}, self.server.configuration.encode())
            return
        if path.startswith(f"{FORWARDED}/"):
            self._forward()
            return
        if not (DIST / path.lstrip("/")).is_file():
            self.path = "/index.html"
        super().do_GET()

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "max-age=3600")
        super().end_headers()

    def _forward(self) -> None:
        """To the gateway and back, with the token, and with the address that it shall name itself by."""
        fields = {name: self.headers[name] for name in ("Accept", "Range") if name in self.headers}
        fields |= {"Authorization": f"Bearer {self.server.token}", "X-Forwarded-Host": self.headers["Host"]}
        connection = HTTPConnection("127.0.0.1", self.server.gateway_port, timeout=PATIENCE)
        try:
            connection.request("GET", self.path, headers=fields)
            answer = connection.getresponse()
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP_BY_HOP}
            self._answer(answer.status, kept, answer.read())
        finally:
            connection.close()

    def _answer(self, status: int, fields: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nobody reads it."""


class Viewer(ThreadingHTTPServer):
    """Serves from a thread; the rest is set while it runs, since the gateway has to know our origin first."""

    configuration = ""
    token = ""
    gateway_port = 0

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.asked: list[str] = []
        """What its log would hold."""

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def serving_viewer() -> Iterator[Viewer]:
    """The viewer on a free port until the end of the block."""
    with Viewer(("127.0.0.1", 0), partial(_Files, directory=str(DIST))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
