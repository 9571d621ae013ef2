"""Certificates of invented houses, made by the openssl program."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.patience import PATIENCE


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate and its key, as PEM files."""

    certificate: Path
    key: Path


class Authority:
    """A CA that lives in a folder."""

    def __init__(self, folder: Path, name: str = "Muster CA") -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self._own = Identity(folder / "ca.pem", folder / "ca.key")
        self._run("req", "-x509", *_key(self._own.key), "-subj", f"/CN={name}", "-days", "2", "-out", str(self.file))

    @property
    def file(self) -> Path:
        """The certificate of the CA."""
        return self._own.certificate

    def issue(self, name: str, *, hosts: str = "IP:127.0.0.1,DNS:localhost", days: int = 2) -> Identity:
        """A new identity that names `hosts`; with negative `days` it has expired."""
        made = Identity(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={hosts}\n")
        self._run("req", *_key(made.key), "-subj", f"/CN={name}", "-out", str(request))
        self._run(
            *("x509", "-req", "-in", str(request), "-CA", str(self.file), "-CAkey", str(self._own.key)),
            *("-CAcreateserial", "-extfile", str(extensions), "-days", str(days), "-out", str(made.certificate)),
        )
        return made

    @staticmethod
    def _run(*arguments: str) -> None:
        program = shutil.which("openssl")
        if program is None:
            pytest.skip("the openssl program is not installed")
        subprocess.run([program, *arguments], check=True, capture_output=True, timeout=PATIENCE)


def _key(file: Path) -> tuple[str, ...]:
    return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-keyout", str(file))
