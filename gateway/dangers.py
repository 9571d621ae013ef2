"""What makes a configuration too dangerous to start with: a table of looks, each with the sentence that mends it."""

import ipaddress
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath
from typing import Final
from urllib.parse import urlsplit

from gateway.config import Config, Objection, objections
from gateway.entered_peers import has_entered_peers
from gateway.sections import is_loopback

_SHELLS: Final = frozenset({"sh", "bash", "dash", "zsh", "ksh", "fish", "cmd", "cmd.exe", "powershell", "pwsh"})
_PORTAL: Final = frozenset({"account", "desk", "downloads", "healthz", "login", "logout", "metrics", "readyz"}) | {
    *("open", "session", "static", "studies", "terms", "verify", "z")
}
_SMALLEST_NETWORK: Final = {4: 8, 6: 32}
"""A network with fewer fixed bits is no proxy of anybody's."""


def dangers(config: Config) -> list[Objection]:
    """Every reason not to start; empty when it may. Looks at files that the configuration names, and changes none."""
    found = objections(config, has_entered_peers=has_entered_peers(config))
    return [*found, *(one for look in _LOOKS for one in look(config))]


def _plain_address(config: Config) -> Iterator[Objection]:
    url = urlsplit(config.http.public_url)
    if url.scheme == "http" and not is_loopback(url.hostname or ""):
        yield Objection(
            "http.public_url",
            f"{config.http.public_url} is not encrypted: codes and images could be read on their way. "
            "Put a TLS proxy in front and write https://.",
        )


def _everybody_a_proxy(config: Config) -> Iterator[Objection]:
    for proxy in config.http.trusted_proxies:
        if proxy == "*" or _is_wide(proxy):
            yield Objection(
                "http.trusted_proxies",
                f"{proxy} lets anybody say from where a request comes, so that guessing could not be slowed down. "
                "List the addresses of your proxies.",
            )


def _plain_origin(config: Config) -> Iterator[Objection]:
    named = [("http.cors_origins", origin) for origin in config.http.cors_origins]
    for key, origin in (*named, ("viewers.ohif_url", config.viewers.ohif_url)):
        url = urlsplit(origin)
        if url.scheme == "http" and not is_loopback(url.hostname or ""):
            yield Objection(
                key,
                f"{origin} is not encrypted: whoever sits on its way could read what its viewer reads. Write https://.",
            )


def _shadowed_portal(config: Config) -> Iterator[Objection]:
    first = config.http.dicomweb_path.split("/")[1]
    if first in _PORTAL:
        yield Objection(
            "http.dicomweb_path",
            f"/{first} belongs to the portal, whose pages DICOMweb would answer for. Choose another path, "
            "such as /dicom-web.",
        )


def _talkative(config: Config) -> Iterator[Objection]:
    if config.log.level == "debug" and not (is_loopback(config.http.host) and is_loopback(config.dimse.host)):
        yield Objection(
            "log.level",
            "debug lets libraries write what they receive, and others can reach this machine. Use info, "
            "or 127.0.0.1 for http.host and dimse.host.",
        )


def _plain_target(config: Config) -> Iterator[Objection]:
    for target in config.forwarding.targets:
        url = urlsplit(target.url)
        if target.token_file and url.scheme == "http" and not is_loopback(url.hostname or ""):
            yield Objection(
                "forwarding.targets",
                f"{target.name} would be sent its token without encryption. Write https:// in its url.",
            )


def _shell(config: Config) -> Iterator[Objection]:
    for printing in config.dimse.print:
        if printing.command and PurePath(printing.command[0]).name.lower() in _SHELLS:
            yield Objection(
                "dimse.print",
                f"{printing.command[0]} is a shell, which would read file names as commands. "
                "Name the printing program itself.",
            )
    if config.intake.scan and PurePath(config.intake.scan[0]).name.lower() in _SHELLS:
        yield Objection(
            "intake.scan",
            f"{config.intake.scan[0]} is a shell, which would read paths as commands. Name the scanner itself.",
        )


def _open_keys(config: Config) -> Iterator[Objection]:
    for key, name in (("dimse.tls.key", config.dimse.tls.key), ("audit.key", config.audit.key)):
        file = config.base / name
        if name and _is_open(file, 0o077):
            yield Objection(key, f"others on this machine can read the private key {file}: chmod 600 {file}")


def _open_folder(config: Config) -> Iterator[Objection]:
    if _is_open(config.folder, 0o007):
        folder = config.folder
        yield Objection("storage.folder", f"everybody on this machine can look into {folder}: chmod 700 {folder}")


def _open_spool(config: Config) -> Iterator[Objection]:
    for printing in config.dimse.print:
        spool = config.base / printing.spool
        if printing.spool and _is_open(spool, 0o007):
            yield Objection(
                "dimse.print",
                f"everybody on this machine can read the sheets in {spool}, and with them the codes: chmod 750 {spool}",
            )


def _is_open(path: Path, bits: int) -> bool:
    try:
        return bool(path.stat().st_mode & bits)
    except OSError:
        return False


def _is_wide(proxy: str) -> bool:
    try:
        network = ipaddress.ip_network(proxy, strict=False)
    except ValueError:
        return False
    return network.prefixlen < _SMALLEST_NETWORK[network.version]


_LOOKS: Final[tuple[Callable[[Config], Iterator[Objection]], ...]] = (
    _plain_address,
    _everybody_a_proxy,
    _plain_origin,
    _shadowed_portal,
    _talkative,
    _plain_target,
    _shell,
    _open_keys,
    _open_folder,
    _open_spool,
)
