"""The configuration: one TOML document, every key with a default, every unknown key refused.

`config.toml` in the checkout shows all keys with their defaults and says what each is for; a test holds the two equal.
"""

import difflib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, StringConstraints, ValidationError, field_validator, model_validator
from pydicom.datadict import tag_for_keyword

from gateway.sections import (
    AeTitle,
    ArchiveConfig,
    AuditConfig,
    DeskConfig,
    IntakeConfig,
    OpenIdConfig,
    Port,
    PrintConfig,
    RetentionConfig,
    Section,
    is_loopback,
)

Uid = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=64, pattern=r"^(0|[1-9]\d*)(\.(0|[1-9]\d*))+$")
]
Allowance = Literal["store", "query", "retrieve", "commit"]


class ConfigError(Exception):
    """The configuration cannot be used; the message says which key and what to do about it."""


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
    modalities: tuple[str, ...] = ()
    match: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    @field_validator("match")
    @classmethod
    def _keywords(cls, match: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        if unknown := [keyword for keyword in match if tag_for_keyword(keyword) is None]:
            raise ValueError(f"{unknown[0]} is no keyword of DICOM, such as StudyDescription")
        return match


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


class Config(Section):
    """Everything an operator decides. `base` (not a key) is the folder that relative paths start from."""

    storage: StorageConfig = StorageConfig()
    http: HttpConfig = HttpConfig()
    dimse: DimseConfig = DimseConfig()
    forwarding: ForwardingConfig = ForwardingConfig()
    intake: IntakeConfig = IntakeConfig()
    site: SiteConfig = SiteConfig()
    archive: ArchiveConfig = ArchiveConfig()
    retention: RetentionConfig = RetentionConfig()
    audit: AuditConfig = AuditConfig()
    sites: tuple[OtherSiteConfig, ...] = ()
    desk: DeskConfig = DeskConfig()
    log: LogConfig = LogConfig()
    base: Path = Field(default_factory=Path.cwd, exclude=True)

    @field_validator("sites")
    @classmethod
    def _each_site_once(cls, sites: tuple[OtherSiteConfig, ...]) -> tuple[OtherSiteConfig, ...]:
        keys = [site.key for site in sites]
        titles = [title for site in sites for title in site.ae_titles]
        if "main" in keys:
            raise ValueError("main is the name of [site]; give the other one another key")
        for name in (*keys, *titles):
            if keys.count(name) > 1 or titles.count(name) > 1:
                raise ValueError(f"{name} is entered twice; each site has a key and AE titles of its own")
        return sites

    def site_of(self, key: str) -> SiteConfig | None:
        """The site with this key, [site] for ""; None when the configuration has none such (any more)."""
        return self.site if not key else next((site for site in self.sites if site.key == key), None)

    @property
    def folder(self) -> Path:
        """The data folder; a relative one lies beside the configuration file."""
        return self.base / self.storage.folder

    @property
    def public_root(self) -> str:
        """Scheme and host by which browsers reach the portal, without a trailing slash."""
        return self.http.public_url or f"http://{bracketed(self.http.host)}:{self.http.port}"


_NESTED: Final[dict[tuple[str, ...], type[BaseModel]]] = {
    ("dimse", "peers"): PeerConfig,
    ("dimse", "print"): PrintConfig,
    ("dimse", "tls"): TlsConfig,
    ("desk", "openid"): OpenIdConfig,
    ("forwarding", "targets"): TargetConfig,
    ("forwarding", "rules"): RuleConfig,
}
_TABLES: Final[dict[str, type[BaseModel]]] = {"sites": OtherSiteConfig}
SECTIONS: Final = {name: field for name, field in Config.model_fields.items() if name != "base"}


def bracketed(host: str) -> str:
    """`host` as it stands in a URL: IPv6 addresses in brackets (RFC 3986 section 3.2.2)."""
    return f"[{host}]" if ":" in host else host


def load(path: Path | None) -> Config:
    """The configuration at `path`; without one, `config.toml` in the working folder, else the defaults.

    Raises ConfigError: no such file, not TOML, unknown key (with the nearest known one), value out of range.
    """
    found = path or Path("config.toml")
    if path is None and not found.is_file():
        return Config()
    try:
        document = tomllib.loads(found.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{found} cannot be read ({error.strerror}). Name another file with --config.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{found} is not valid TOML: {error}") from error
    return parse(document, found.resolve().parent, str(found))


def parse(document: dict[str, Any], base: Path, name: str = "config") -> Config:
    """A `document` of TOML as Config; relative paths start from `base`. Raises ConfigError."""
    if "base" in document:
        raise ConfigError(f"{name}: [base] is not a key.")
    try:
        return Config.model_validate({**document, "base": base})
    except ValidationError as error:
        lines = [_sentence(problem, document) for problem in error.errors(include_url=False)]
        raise ConfigError("\n".join(f"{name}: {line}" for line in lines)) from error


def _sentence(problem: Any, document: dict[str, Any]) -> str:
    where = [str(part) for part in problem["loc"]]
    key = ".".join(where)
    if problem["type"] != "extra_forbidden":
        return f"{key}: {problem['msg']}."
    near = difflib.get_close_matches(where[-1], _known(where[:-1]), n=1, cutoff=0.5)
    hint = f"Did you mean {'.'.join([*where[:-1], near[0]])}?" if near else f"Known: {', '.join(_known(where[:-1]))}."
    return f"{key} is not a key. {hint}"


def _known(parents: list[str]) -> list[str]:
    if not parents:
        return sorted(SECTIONS)
    model = _TABLES.get(parents[0]) or _NESTED.get(tuple(parents[:2])) or SECTIONS[parents[0]].annotation
    return sorted(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else []


@dataclass(frozen=True, slots=True)
class Objection:
    """A reason not to start with this configuration."""

    key: str
    sentence: str


def objections(config: Config, *, has_entered_peers: bool) -> list[Objection]:
    """What makes this configuration unsafe to serve; empty when it may start.

    `has_entered_peers` says whether `durchblick ae add` has put senders into the database.
    """
    found = []
    if not is_loopback(config.http.host) and not config.http.public_url.startswith("https://"):
        sentence = (
            f"http.host = {config.http.host!r} can be reached from other machines, but nothing says that TLS protects "
            "it. Put a TLS proxy in front and set http.public_url to its https:// address, "
            "or set http.host to 127.0.0.1."
        )
        found.append(Objection("http.host", sentence))
    knows_senders = bool(config.dimse.peers) or has_entered_peers
    if not is_loopback(config.dimse.host) and (config.dimse.accept_unknown_peers or not knows_senders):
        sentence = (
            f"dimse.host = {config.dimse.host!r} can be reached from other machines, but no list says who may send. "
            "List each sender under [[dimse.peers]] or enter it with durchblick ae add, "
            "and set dimse.accept_unknown_peers = false, "
            "or set dimse.host to 127.0.0.1."
        )
        found.append(Objection("dimse.host", sentence))
    return found
