"""The sections of the configuration: what each key is called, what it may be, and its default."""

import ipaddress
from typing import Annotated, Final, Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from gateway.forwarding.keys import keyword_of

AeTitle = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=16, pattern=r"^[ -\[\]-~]+$")
]
Port = Annotated[int, Field(ge=1, le=65535)]
MAIN_SITE: Final = "main"
"""What [site], whose key is "", is called where sites are named."""

Uid = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=64, pattern=r"^(0|[1-9]\d*)(\.(0|[1-9]\d*))+$")
]
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}
Allowance = Literal["store", "query", "retrieve", "commit"]


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
    stall_seconds: int = Field(default=120, ge=5, le=3600)


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
    hourly_by_link: int = Field(default=300, ge=1, le=1_000_000)
    hourly_from_network: int = Field(default=100, ge=1, le=1_000_000)
    open_hours: int = Field(default=48, ge=1, le=24 * 90)
    kept_days: int = Field(default=30, ge=1, le=3650)
    free_space_floor_mb: int = Field(default=2000, ge=0)
    scan: tuple[str, ...] = ()
    scan_seconds: float = Field(default=120.0, gt=0, le=3600)

    @model_validator(mode="after")
    def _scans_files(self) -> Self:
        if self.scan and not any("{file}" in one or one == "{files}" for one in self.scan[1:]):
            raise ValueError("one of the arguments of scan must be {file} or {files}, which stand for what is scanned")
        return self


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


class StorageConfig(Section):
    """[storage]: where everything is kept and when the store counts as full."""

    folder: str = "data"
    free_space_floor_mb: int = Field(default=500, ge=0)
    decoders: int = Field(default=2, ge=1, le=64)
    decoder_memory_mb: int = Field(default=1024, ge=256)
    decoder_seconds: float = Field(default=20.0, gt=0)
    first_pictures_mb: int = Field(default=1024, ge=0)
    drawn_pictures_mb: int = Field(default=256, ge=0)
    downloads_mb: int = Field(default=20_480, ge=0)


class DownloadsConfig(Section):
    """[downloads]: what patients take along."""

    ffmpeg: str = "ffmpeg"


class HttpConfig(Section):
    """[http]: portal and DICOMweb."""

    host: str = "127.0.0.1"
    port: Port = 8080
    processes: int = Field(default=0, ge=0, le=64)
    public_url: str = ""
    dicomweb_path: Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9_.~-]+)+$")] = "/dicom-web"
    trusted_proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    cors_origins: tuple[str, ...] = ()

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            url = urlsplit(value)
            if value != "*" and (
                url.scheme not in {"http", "https"} or value != f"{url.scheme}://{url.netloc.lower()}"
            ):
                raise ValueError(f'{value} is no origin; write them like https://viewer.example.org, or "*" for all')
        return values

    @field_validator("public_url")
    @classmethod
    def _an_origin(cls, value: str) -> str:
        url = urlsplit(value)
        if value and (url.scheme not in {"http", "https"} or not url.netloc or url.path.rstrip("/") or url.query):
            raise ValueError("must be scheme and host only, for example https://images.example.org")
        return value.rstrip("/")


class PeerConfig(Section):
    """[[dimse.peers]]: one application entity that we know, and what it may do here."""

    ae_title: AeTitle
    host: str = Field(min_length=1)
    port: Port = 104
    tls: bool = False
    allow: tuple[Allowance, ...] = get_args(Allowance)
    transfer_syntaxes: tuple[Uid, ...] = ()
    sop_classes: tuple[Uid, ...] = ()
    associations: int = Field(default=0, ge=0)


class TlsConfig(Section):
    """[dimse.tls]: DICOM over TLS, both ways."""

    port: Annotated[int, Field(ge=0, le=65535)] = 0
    certificate: str = ""
    key: str = ""
    trusted: str = ""
    require_client_certificate: bool = True
    check_host_name: bool = True

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if bool(self.certificate) != bool(self.key):
            raise ValueError("certificate and key belong together; name both or none")
        if self.port and not self.certificate:
            raise ValueError("a port needs a certificate and its key")
        if self.port and self.require_client_certificate and not self.trusted:
            raise ValueError(
                "trusted must name the CAs of those who may call, or require_client_certificate must be false"
            )
        return self


class DimseConfig(Section):
    """[dimse]: the DICOM network."""

    host: str = "127.0.0.1"
    port: Port = 11112
    ae_title: AeTitle = "DURCHBLICK"
    processes: int = Field(default=0, ge=0, le=64)
    accept_unknown_peers: bool = False
    peers: tuple[PeerConfig, ...] = ()
    print: tuple[PrintConfig, ...] = ()
    tls: TlsConfig = TlsConfig()

    @model_validator(mode="after")
    def _titles_differ(self) -> Self:
        titles = [self.ae_title, *(one.ae_title for one in self.print)]
        twice = next((title for title in titles if titles.count(title) > 1), None)
        if twice is not None:
            raise ValueError(f"{twice} is ours twice; give each of [[dimse.print]] an AE title of its own")
        return self

    @field_validator("peers")
    @classmethod
    def _each_once(cls, peers: tuple[PeerConfig, ...]) -> tuple[PeerConfig, ...]:
        titles = [peer.ae_title for peer in peers]
        twice = next((title for title in titles if titles.count(title) > 1), None)
        if twice is not None:
            raise ValueError(f"{twice} is entered twice; give each peer an AE title of its own")
        return peers


class ViewersConfig(Section):
    """[viewers]: viewers outside of the portal in which the studies of a share may be opened."""

    ohif_url: str = ""
    weasis: bool = False
    minutes: int = Field(default=60, ge=5, le=480)

    @field_validator("ohif_url")
    @classmethod
    def _an_address(cls, value: str) -> str:
        url = urlsplit(value)
        unlike = url.scheme not in _DEFAULT_PORTS or not url.netloc or "@" in url.netloc or url.query or url.fragment
        if value and unlike:
            raise ValueError("write where OHIF is, for example https://viewer.example.org")
        return value.rstrip("/")

    @property
    def ohif_origin(self) -> str:
        """The origin of OHIF's pages as browsers send it, "" where there is none."""
        url = urlsplit(self.ohif_url)
        host = url.netloc.lower().removesuffix(_DEFAULT_PORTS.get(url.scheme, ""))
        return f"{url.scheme}://{host}" if self.ohif_url else ""


class SiteConfig(Section):
    """[site]: what patients read about the house that runs this gateway."""

    name: str = "Durchblick"
    contact: str = ""
    language: Literal["de", "en"] = "de"
    logo: str = ""
    terms: str = ""
    days: int = Field(default=90, ge=1, le=3650)
    paper: Literal["A4", "Letter"] = "A4"


class OtherSiteConfig(SiteConfig):
    """[[sites]]: another facility in the same gateway, with what its own AE titles send."""

    key: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
    ae_titles: tuple[AeTitle, ...] = ()
    retention_days: int = Field(default=-1, ge=-1, le=36500)
    archive: ArchiveConfig = ArchiveConfig()

    @model_validator(mode="after")
    def _own_archive(self) -> Self:
        if self.archive.ae_title and self.archive.ae_title not in self.ae_titles:
            raise ValueError(
                f"the archive {self.archive.ae_title} must be one of ae_titles, or its studies are not yours"
            )
        return self


class TargetConfig(Section):
    """[[forwarding.targets]]: one PACS that things are sent on to."""

    name: str = Field(min_length=1, max_length=64)
    ae_title: AeTitle | Literal[""] = ""
    url: str = ""
    token_file: str = ""
    at_once: int = Field(default=1, ge=1, le=32)
    associations: int = Field(default=1, ge=1, le=16)
    commit: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.ae_title) == bool(self.url):
            raise ValueError("either ae_title (C-STORE) or url (STOW-RS) says how to reach it")
        if self.url and urlsplit(self.url).scheme not in {"http", "https"}:
            raise ValueError("url is the root of the DICOMweb services, for example https://pacs.example.org/dicom-web")
        if self.commit and self.url:
            raise ValueError("storage commitment is asked for over the DICOM network only; leave out commit")
        return self


class RuleConfig(Section):
    """[[forwarding.rules]]: what goes where."""

    name: str = Field(min_length=1, max_length=64)
    to: tuple[str, ...] = Field(min_length=1)
    sources: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ()
    match: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    @field_validator("match")
    @classmethod
    def _keywords(cls, match: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        keywords = {keyword_of(named): values for named, values in match.items()}
        if len(keywords) < len(match):
            raise ValueError("an attribute is named twice; give it all values at once")
        return keywords


class ForwardingConfig(Section):
    """[forwarding]: what is sent on to PACS."""

    quiet_seconds: float = Field(default=60.0, ge=0)
    hours: float = Field(default=72.0, gt=0)
    targets: tuple[TargetConfig, ...] = ()
    rules: tuple[RuleConfig, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for kind, names in (("target", [one.name for one in self.targets]), ("rule", [one.name for one in self.rules])):
            if twice := next((name for name in names if names.count(name) > 1), ""):
                raise ValueError(f"there are two {kind}s named {twice}")
        known = {one.name for one in self.targets}
        for rule in self.rules:
            if missing := next((name for name in rule.to if name not in known), ""):
                raise ValueError(f"the rule {rule.name} names the target {missing}, which is not listed")
        return self


class LogConfig(Section):
    """[log]"""

    level: Literal["debug", "info", "warning", "error"] = "info"
