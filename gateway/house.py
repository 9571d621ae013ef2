"""The house: the one page where objects meet."""

import sys
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from auth import schema
from auth.clock import system_clock
from auth.cookies import SessionCookie
from auth.identity import Identification, IdentitySettings
from auth.middleware import Gatekeeper
from auth.pepper import load_pepper
from auth.requests import Requests
from auth.sessions import Sessions
from auth.share_lists import ShareLists
from auth.shares import Shares
from auth.staff import Staff
from auth.staff_administration import Administration
from auth.staff_openid import OpenIdSettings, OpenIdSignIn
from auth.staff_passkeys import Passkeys
from auth.staff_sessions import StaffSessions
from auth.staff_sign_in import SignInSettings, StaffSignIn
from auth.tokens import Tokens
from auth.viewer_passes import ViewerPasses
from dimse.application_entities import ApplicationEntities
from dimse.settings import DimseSettings, Peer, TlsSettings
from gateway.archive import schema as archive_schema
from gateway.archive.asking import ask_again
from gateway.config import Config, ConfigError
from gateway.downloads.downloads import Downloads
from gateway.downloads.layout import drop_study
from gateway.forwarding.deliveries import Deliveries
from gateway.forwarding.rulebook import RuleBook
from gateway.forwarding.rules import Rule
from gateway.intake.accepting import source_of
from gateway.intake.intake import Intake
from gateway.seats import ALONE, Seat
from gateway.series_files import mp4
from gateway.series_files.mp4 import Ffmpeg
from storage.database import Database
from storage.files import make_folder
from storage.storage import Storage, StorageSettings

PACKAGES = ("storage", "dimse", "dicomweb", "auth", "gateway")
_MEGABYTE = 1024 * 1024
_Tries = TypeVar("_Tries", IdentitySettings, SignInSettings)


@dataclass(frozen=True, slots=True)
class House:
    """Everything a process works with; every process builds its own.

    With the others it shares files and database, and what `gateway.seats.Place` gives it: listening sockets, counters.
    """

    config: Config
    storage: Storage
    shares: Shares
    share_lists: ShareLists
    identification: Identification
    sessions: Sessions
    tokens: Tokens
    viewer_passes: ViewerPasses
    gatekeeper: Gatekeeper
    entities: ApplicationEntities
    deliveries: Deliveries
    rules: RuleBook
    requests: Requests
    staff: Staff
    administration: Administration
    staff_sessions: StaffSessions
    staff_sign_in: StaffSignIn
    openid: OpenIdSignIn | None
    passkeys: Passkeys
    downloads: Downloads
    intake: Intake

    @property
    def downloads_folder(self) -> Path:
        """Where prepared downloads lie."""
        return downloads_in(self.storage.folder)

    @property
    def film_encoder(self) -> Ffmpeg | None:
        """What makes films (MP4) of series; None where nobody wants any, or it is not here."""
        return mp4.found(self.config.downloads.ffmpeg)

    def close(self) -> None:
        """End threads, child processes and connections, and close the database."""
        if self.openid is not None:
            self.openid.close()
        self.storage.close()


def build(config: Config, seat: Seat = ALONE) -> House:
    """Open the data folder of `config` (made when missing) and put the house together. Raises ConfigError.

    What may happen so often at a time on this machine is shared out among the processes of a role: this is its `seat`.
    """
    one_place()
    folder = config.folder
    try:
        make_folder(folder.absolute())
    except OSError as error:
        raise ConfigError(f"storage.folder: {folder} cannot be made ({error.strerror}). Name another one.") from error
    storage = Storage.open(folder, storage_settings(config, seat), [partial(drop_study, downloads_in(folder))])
    database = storage.database
    database.migrate(schema.MIGRATIONS)
    database.migrate(archive_schema.MIGRATIONS)
    storage.index.assign_origins(origins(config))
    pepper = load_pepper(folder)
    archived = frozenset(site for site in config.site_keys if config.archive_of(site).ae_title)
    sessions, tokens = Sessions(database, system_clock), Tokens(database, system_clock)
    viewer_passes = ViewerPasses(database, system_clock, config.viewers.minutes * 60)
    return House(
        config=config,
        storage=storage,
        shares=Shares(database, pepper, system_clock, renewed=[partial(ask_again, archived, system_clock)]),
        share_lists=ShareLists(database, system_clock),
        identification=Identification(database, pepper, system_clock, identity_settings(seat)),
        sessions=sessions,
        tokens=tokens,
        viewer_passes=viewer_passes,
        entities=ApplicationEntities(database, dimse_settings(config).peers),
        deliveries=Deliveries(database),
        rules=rules_of(config, database),
        requests=Requests(database, system_clock),
        staff=Staff(database, pepper, system_clock, house=[config.site.name, *(one.name for one in config.sites)]),
        administration=Administration(database, pepper, system_clock),
        staff_sessions=StaffSessions(database, system_clock),
        staff_sign_in=StaffSignIn(database, pepper, system_clock, sign_in_settings(seat)),
        openid=_openid(config, database, pepper),
        passkeys=Passkeys(database, pepper, system_clock, config.public_root, config.site.name),
        downloads=Downloads(database, system_clock),
        intake=Intake.of(
            database, pepper, system_clock, config.intake, folder / "quarantine", storage_settings(config)
        ),
        gatekeeper=Gatekeeper(sessions, tokens, viewer_passes, SessionCookie(config.public_root)),
    )


def rules_of(config: Config, database: Database) -> RuleBook:
    """The rules of [forwarding], and those of the desk beside them."""
    section = config.forwarding
    return RuleBook(database, map(Rule.of, section.rules), [one.name for one in section.targets])


def origins(config: Config) -> dict[str, str]:
    """Who sends for which of the other sites: their AE titles, and what comes by their upload links."""
    return {sender: site.key for site in config.sites for sender in (*site.ae_titles, source_of(site.key))}


def _openid(config: Config, database: Database, pepper: bytes) -> OpenIdSignIn | None:
    """[desk.openid], or None where nobody signs in that way. Raises ConfigError."""
    section = config.desk.openid
    if not section.issuer:
        return None
    file = config.base / section.client_secret_file
    try:
        secret = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"desk.openid.client_secret_file: {file} cannot be read ({error.strerror}).") from error
    redirect_uri = f"{config.public_root}/desk/openid/callback"
    settings = OpenIdSettings(section.issuer, section.client_id, secret, redirect_uri, section.account_claim)
    return OpenIdSignIn(database, pepper, settings)


def storage_settings(config: Config, seat: Seat = ALONE) -> StorageSettings:
    """[storage] in the units of the store."""
    section = config.storage
    return StorageSettings(
        free_space_floor=section.free_space_floor_mb * _MEGABYTE,
        decoders=seat.part(section.decoders),
        decoder_memory=section.decoder_memory_mb * _MEGABYTE,
        decoder_seconds=section.decoder_seconds,
        drawn_pictures=section.drawn_pictures_mb * _MEGABYTE,
    )


def identity_settings(seat: Seat) -> IdentitySettings:
    """How often patients' codes may be tried, of which this process has its part."""
    return _part(IdentitySettings(), seat)


def sign_in_settings(seat: Seat) -> SignInSettings:
    """How often staff's passwords may be tried, of which this process has its part."""
    return _part(SignInSettings(), seat)


def _part(whole: _Tries, seat: Seat) -> _Tries:
    return replace(
        whole,
        attempts_per_second=seat.part(whole.attempts_per_second),
        hashes_at_a_time=seat.part(whole.hashes_at_a_time),
        hashes_waiting=seat.part(whole.hashes_waiting),
    )


def dimse_settings(config: Config) -> DimseSettings:
    """[dimse] as the DICOM server takes it."""
    section = config.dimse
    return DimseSettings(
        ae_title=section.ae_title,
        accept_unknown_peers=section.accept_unknown_peers,
        also_called=tuple(one.ae_title for one in section.print),
        peers=tuple(Peer(**peer.model_dump()) for peer in section.peers),
        tls=tls_settings(config),
    )


def tls_settings(config: Config) -> TlsSettings:
    """[dimse.tls], its files beside the configuration."""
    section = config.dimse.tls

    def file(name: str) -> Path | None:
        return config.base / name if name else None

    return TlsSettings(
        port=section.port,
        certificate=file(section.certificate),
        key=file(section.key),
        trusted=file(section.trusted),
        require_client_certificate=section.require_client_certificate,
        check_host_name=section.check_host_name,
    )


def downloads_in(folder: Path) -> Path:
    """Where downloads lie in a data folder."""
    return folder / "cache" / "downloads"


def one_place() -> None:
    """Raise ImportError when the five packages come from different places: their names are ordinary words."""
    places = {_place(name) for name in PACKAGES}
    if len(places) > 1:
        listed = ", ".join(sorted(str(place) for place in places))
        raise ImportError(f"The packages of Durchblick come from different places ({listed}). Use its own environment.")


def _place(name: str) -> Path:
    __import__(name)
    file = sys.modules[name].__file__
    if file is None:
        raise ImportError(f"The package {name} is not the one of Durchblick. Use its own environment.")
    return Path(file).resolve().parents[1]
