"""Configuration: defaults, unknown keys, values out of range, and what is refused at the start."""

from pathlib import Path

import pytest

from dimse.settings import Peer, TlsSettings
from gateway.config import Config, ConfigError, load, objections, parse
from gateway.house import dimse_settings


def test_without_a_file_everything_has_its_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = load(None)
    assert config == Config(base=tmp_path)
    assert config.folder == tmp_path / "data"
    assert config.public_root == "http://127.0.0.1:8080"


def test_config_toml_of_the_working_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.toml").write_text("[http]\nport = 8123\n")
    monkeypatch.chdir(tmp_path)
    assert load(None).http.port == 8123


def test_a_relative_folder_lies_beside_the_file(tmp_path: Path) -> None:
    file = tmp_path / "site" / "config.toml"
    file.parent.mkdir()
    file.write_text('[storage]\nfolder = "kept"\n')
    assert load(file).folder == tmp_path / "site" / "kept"
    file.write_text(f'[storage]\nfolder = "{tmp_path}/elsewhere"\n')
    assert load(file).folder == tmp_path / "elsewhere"


RULE = '[[forwarding.targets]]\nname = "a"\nae_title = "A"\n[[forwarding.rules]]\nname = "r"\nto = ["a"]\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[http]\nprot = 1\n", "http.prot is not a key. Did you mean http.port?"),
        ("[htpp]\n", "htpp is not a key. Did you mean http?"),
        ("[dimse]\nzzz = 1\n", "Known: accept_unknown_peers, ae_title, host, peers, port, print, processes, tls."),
        ('[[dimse.peers]]\nae_title = "A"\nhosst = "h"\n', "Did you mean dimse.peers.0.host?"),
        ('base = "x"\n', "[base] is not a key"),
        ("[dimse.tls]\nport = 2762\n", "dimse.tls: Value error, a port needs a certificate and its key."),
        ('[dimse.tls]\nkey = "k"\n', "certificate and key belong together"),
        ('[dimse.tls]\nport = 2762\ncertificate = "c"\nkey = "k"\n', "trusted must name the CAs"),
        ("[dimse.tls]\nkeyy = 1\n", "Did you mean dimse.tls.key?"),
        ('[[dimse.peers]]\nae_title = "A"\nhost = "h"\nallow = ["stroe"]\n', "dimse.peers.0.allow.0: "),
        ('[[dimse.peers]]\nae_title = "A"\nhost = "h"\nsop_classes = ["CT"]\n', "dimse.peers.0.sop_classes.0: "),
        ('[[dimse.peers]]\nae_title = "A"\nhost = "h"\n' * 2, "A is entered twice"),
        ("[http]\nport = 70000\n", "http.port: "),
        ('[http]\npublic_url = "example.org"\n', "http.public_url: "),
        ('[http]\npublic_url = "https://example.org/portal"\n', "scheme and host only"),
        ('[http]\ndicomweb_path = "dicom"\n', "http.dicomweb_path: "),
        ('[http]\ncors_origins = ["viewer.example.org"]\n', "http.cors_origins: "),
        ('[http]\ncors_origins = ["https://viewer.example.org/"]\n', "write them like https://viewer.example.org"),
        ('[http]\ncors_origins = ["https://Viewer.example.org"]\n', "is no origin"),
        ('[http]\ncors_origins = ["null"]\n', "null is no origin"),
        ('[dimse]\nae_title = "SEVENTEEN LETTERS"\n', "dimse.ae_title: "),
        ('[dimse]\nae_title = "A\\\\B"\n', "dimse.ae_title: "),
        ('[log]\nlevel = "loud"\n', "log.level: "),
        (RULE + 'sites = ["main", "south"]\n', "names the site south, which is not listed"),
        (RULE + 'match = { PixelData = ["1"] }\n', "PixelData has no values that a rule could compare"),
        (RULE + 'match = { Nonsense = ["1"] }\n', "Nonsense is no keyword of DICOM"),
        (RULE + 'match = { PatientID = ["1"], "(0010,0020)" = ["2"] }\n', "an attribute is named twice"),
        ("[http\n", "not valid TOML"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert said in str(caught.value)
    assert str(file) in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere.toml cannot be read"):
        load(tmp_path / "nowhere.toml")


def test_public_url_wins_and_ipv6_is_bracketed(tmp_path: Path) -> None:
    assert parse({"http": {"public_url": "https://a.example/"}}, tmp_path).public_root == "https://a.example"
    assert parse({"http": {"host": "::1", "port": 81}}, tmp_path).public_root == "http://[::1]:81"


PEER = {"ae_title": "PACS1", "host": "10.0.0.5"}


@pytest.mark.parametrize(
    ("document", "keys"),
    [
        ({}, []),
        ({"http": {"host": "localhost"}, "dimse": {"host": "127.0.0.2"}}, []),
        ({"http": {"host": "0.0.0.0"}}, ["http.host"]),
        ({"http": {"host": "::"}}, ["http.host"]),
        ({"http": {"host": "gateway.example"}}, ["http.host"]),
        ({"http": {"host": "0.0.0.0", "public_url": "http://a.example"}}, ["http.host"]),
        ({"http": {"host": "0.0.0.0", "public_url": "https://a.example"}}, []),
        ({"dimse": {"host": "0.0.0.0"}}, ["dimse.host"]),
        ({"dimse": {"host": "0.0.0.0", "peers": [PEER]}}, []),
        ({"dimse": {"host": "0.0.0.0", "peers": [PEER], "accept_unknown_peers": True}}, ["dimse.host"]),
        ({"dimse": {"accept_unknown_peers": True}}, []),
    ],
)
def test_what_others_could_reach_needs_protection(tmp_path: Path, document: dict[str, object], keys: list[str]) -> None:
    found = objections(parse(document, tmp_path), has_entered_peers=False)
    assert [objection.key for objection in found] == keys
    assert all("127.0.0.1" in objection.sentence for objection in found)


def test_files_of_tls_lie_beside_the_configuration(tmp_path: Path) -> None:
    tls = {"port": 2762, "certificate": "own.pem", "key": "own.key", "trusted": "/etc/ca.pem"}
    settings = dimse_settings(parse({"dimse": {"tls": tls}}, tmp_path)).tls
    assert (settings.certificate, settings.trusted) == (tmp_path / "own.pem", Path("/etc/ca.pem"))
    assert dimse_settings(Config()).tls == TlsSettings()


def test_a_peer_of_the_configuration_is_one_of_dimse(tmp_path: Path) -> None:
    (peer,) = dimse_settings(parse({"dimse": {"peers": [PEER | {"allow": ["store"], "tls": True}]}}, tmp_path)).peers
    assert peer == Peer("PACS1", "10.0.0.5", 104, tls=True, allow=("store",))
    (plain,) = dimse_settings(parse({"dimse": {"peers": [PEER]}}, tmp_path)).peers
    assert plain == Peer("PACS1", "10.0.0.5", 104)
