"""Sections of the configuration that tell of the life of shares and studies, and what all sections are made of."""

import ipaddress
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

AeTitle = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=16, pattern=r"^[ -\[\]-~]+$")
]
Port = Annotated[int, Field(ge=1, le=65535)]


class Section(BaseModel):
    """A table: every unknown key is refused, nothing changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PrintConfig(Section):
    """[[dimse.print]]: an AE title of ours; what is sent to it opens a share and prints its sheet."""

    ae_title: AeTitle
    days: int = Field(default=90, ge=1, le=3650)
    quiet_seconds: int = Field(default=60, ge=5, le=3600)
    spool: str = ""
    command: tuple[str, ...] = ()
    timeout_seconds: float = Field(default=60.0, gt=0, le=600)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.spool) == bool(self.command):
            raise ValueError("name either a spool folder or a command")
        if self.command and not any("{file}" in one for one in self.command[1:]):
            raise ValueError("one of the arguments of the command must be {file}, which stands for the sheet")
        return self


class ArchiveConfig(Section):
    """[archive]: the PACS where studies come from."""

    ae_title: Annotated[str, StringConstraints(strip_whitespace=True, max_length=16)] = ""
    retrieve: Literal["move", "get"] = "move"


class RetentionConfig(Section):
    """[retention]: how long studies stay when nobody needs them any more."""

    days: int = Field(default=0, ge=0, le=36500)
    grace_hours: int = Field(default=48, ge=24, le=24 * 365)
    shares_days: int = Field(default=365, ge=0, le=36500)


class AuditConfig(Section):
    """[audit]: where audit messages go."""

    syslog_host: str = ""
    syslog_port: Port = 6514
    trusted: str = ""
    certificate: str = ""
    key: str = ""
    patient_ids: bool = False


class IntakeConfig(Section):
    """[intake]: what may be sent in by upload links."""

    most_gb: int = Field(default=20, ge=1, le=10_000)
    most_files: int = Field(default=20_000, ge=1, le=1_000_000)
    open_hours: int = Field(default=48, ge=1, le=24 * 90)
    kept_days: int = Field(default=30, ge=1, le=3650)


class OpenIdConfig(Section):
    """[desk.openid]: where staff sign in by OpenID Connect; nowhere while `issuer` is empty."""

    name: str = ""
    issuer: str = ""
    client_id: str = ""
    client_secret_file: str = ""
    account_claim: str = Field(default="preferred_username", min_length=1)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.issuer and not (self.name and self.client_id and self.client_secret_file):
            raise ValueError("an issuer needs a name (for the button), client_id and client_secret_file")
        url = urlsplit(self.issuer)
        if self.issuer and url.scheme != "https" and not (url.scheme == "http" and is_loopback(url.hostname or "")):
            raise ValueError("issuer must be an https:// address")
        return self


class DeskConfig(Section):
    """[desk]: how staff work."""

    openid: OpenIdConfig = OpenIdConfig()


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
