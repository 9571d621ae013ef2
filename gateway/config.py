"""The configuration: one TOML document, every key with a default, every unknown key refused.

`config.toml` in the checkout shows all keys with their defaults and says what each is for; a test holds the two equal.
"""

import difflib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from gateway.sections import (
    MAIN_SITE,
    ArchiveConfig,
    AuditConfig,
    DeskConfig,
    DimseConfig,
    DownloadsConfig,
    ForwardingConfig,
    HttpConfig,
    IntakeConfig,
    LogConfig,
    OpenIdConfig,
    OtherSiteConfig,
    PeerConfig,
    PrintConfig,
    RetentionConfig,
    RuleConfig,
    Section,
    SiteConfig,
    StorageConfig,
    TargetConfig,
    TlsConfig,
    ViewersConfig,
    is_loopback,
)


class ConfigError(Exception):
    """The configuration cannot be used; the message says which key and what to do about it."""


class Config(Section):
    """Everything an operator decides. `base` (not a key) is the folder that relative paths start from."""

    storage: StorageConfig = StorageConfig()
    downloads: DownloadsConfig = DownloadsConfig()
    http: HttpConfig = HttpConfig()
    dimse: DimseConfig = DimseConfig()
    forwarding: ForwardingConfig = ForwardingConfig()
    intake: IntakeConfig = IntakeConfig()
    site: SiteConfig = SiteConfig()
    viewers: ViewersConfig = ViewersConfig()
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
        if MAIN_SITE in keys:
            raise ValueError(f"{MAIN_SITE} is the name of [site]; give the other one another key")
        for name in (*keys, *titles):
            if keys.count(name) > 1 or titles.count(name) > 1:
                raise ValueError(f"{name} is entered twice; each site has a key and AE titles of its own")
        return sites

    @model_validator(mode="after")
    def _archive_is_ours(self) -> Self:
        owner = next((one.key for one in self.sites if self.archive.ae_title in one.ae_titles), "")
        if owner:
            raise ValueError(f"archive.ae_title: {self.archive.ae_title} belongs to the site {owner}; name it there")
        return self

    @model_validator(mode="after")
    def _rules_name_sites(self) -> Self:
        known = {MAIN_SITE, *(one.key for one in self.sites)}
        for rule in self.forwarding.rules:
            missing = next((name for name in rule.sites if name not in known), None)
            if missing is not None:
                raise ValueError(f"forwarding.rules: {rule.name} names the site {missing}, which is not listed")
        return self

    def archive_of(self, key: str) -> ArchiveConfig:
        """The archive of the site with this key, [archive] for ""; one without an AE title where it has none."""
        own = next((site.archive for site in self.sites if site.key == key), ArchiveConfig())
        return own if key else self.archive

    @property
    def site_keys(self) -> list[str]:
        """The keys of all sites; "" is that of [site]."""
        return ["", *(site.key for site in self.sites)]

    @property
    def site_names(self) -> dict[str, str]:
        """What all sites are called, by their keys."""
        return {"": self.site.name, **{site.key: site.name for site in self.sites}}

    def site_of(self, key: str) -> SiteConfig | None:
        """The site with this key, [site] for ""; None when the configuration has none such (any more)."""
        return self.site if not key else next((site for site in self.sites if site.key == key), None)

    def retention_days(self, key: str) -> int:
        """How many days studies of the site with this key stay when nobody needs them any more; 0: for ever."""
        site = self.site_of(key)
        if isinstance(site, OtherSiteConfig) and site.retention_days >= 0:
            return site.retention_days
        return self.retention.days

    @property
    def deletes(self) -> bool:
        """Whether studies of any site go by themselves."""
        return any(self.retention_days(key) for key in ("", *(site.key for site in self.sites)))

    @property
    def folder(self) -> Path:
        """The data folder; a relative one lies beside the configuration file."""
        return self.base / self.storage.folder

    @property
    def public_root(self) -> str:
        """Scheme and host by which browsers reach the portal, without a trailing slash."""
        return self.http.public_url or f"http://{bracketed(self.http.host)}:{self.http.port}"

    @property
    def cross_origins(self) -> tuple[str, ...]:
        """Whose pages may read DICOMweb answers."""
        found = dict.fromkeys((*self.http.cors_origins, self.viewers.ohif_origin))
        return tuple(origin for origin in found if origin)


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
