import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dimse.certificates import certificate_problem, validity
from dimse.settings import TlsSettings
from dimse.tls import CIPHER_SUITES, TlsUnusable, certificate_problems, client_context, explained, server_context
from tests.support.certificates import Authority, Identity


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority") / "ca")


@pytest.fixture(scope="module")
def identity(authority: Authority) -> Identity:
    return authority.issue("node")


@pytest.fixture
def settings(authority: Authority, identity: Identity) -> TlsSettings:
    return TlsSettings(2762, identity.certificate, identity.key, authority.file)


@pytest.mark.parametrize("side", [server_context, client_context])
def test_only_what_bcp_195_recommends_is_spoken(settings: TlsSettings, side: object) -> None:
    context = side(settings)  # type: ignore[operator]
    names = {suite["name"] for suite in context.get_ciphers()}
    assert {name for name in names if not name.startswith("TLS_")} == set(CIPHER_SUITES)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_the_listener_may_do_without_certificates_of_callers(authority: Authority, identity: Identity) -> None:
    open_to_all = TlsSettings(2762, identity.certificate, identity.key, require_client_certificate=False)
    assert server_context(open_to_all).verify_mode is ssl.CERT_NONE
    with pytest.raises(TlsUnusable, match="needs a certificate and its key"):
        server_context(TlsSettings(2762, trusted=authority.file))


def test_without_any_file_the_authorities_of_the_system_count() -> None:
    assert client_context(TlsSettings()).verify_mode is ssl.CERT_REQUIRED


def _passphrase(identity: Identity, folder: Path) -> Path:
    key = folder / "protected.key"
    Authority._run("pkey", "-in", str(identity.key), "-aes256", "-passout", "pass:secret", "-out", str(key))
    return key


def test_what_is_wrong_with_a_file_is_said(
    authority: Authority, identity: Identity, settings: TlsSettings, tmp_path: Path
) -> None:
    other, missing, nonsense = authority.issue("other"), tmp_path / "missing.pem", tmp_path / "nonsense.pem"
    nonsense.write_text("nothing of the kind")
    certificate, key, trusted = settings.certificate, settings.key, settings.trusted
    cases = [
        (TlsSettings(0, missing, key, trusted), "dimse.tls.certificate: .*missing.pem cannot be read .No such file"),
        (TlsSettings(0, certificate, missing, trusted), "dimse.tls.key: .*missing.pem cannot be read"),
        (TlsSettings(0, certificate, key, missing), "dimse.tls.trusted: .*missing.pem cannot be read"),
        (TlsSettings(0, certificate, other.key, trusted), "dimse.tls.key: .*other.key is not the key of"),
        (TlsSettings(0, nonsense, key, trusted), "dimse.tls.certificate: .*nonsense.pem holds no certificate"),
        (TlsSettings(0, certificate, nonsense, trusted), "dimse.tls.key: .*nonsense.pem holds no key"),
        (TlsSettings(0, certificate, key, nonsense), "dimse.tls.trusted: .*nonsense.pem holds no certificate"),
        (TlsSettings(0, certificate, _passphrase(identity, tmp_path), trusted), "has a passphrase; remove it"),
    ]
    for unusable, said in cases:
        with pytest.raises(TlsUnusable, match=said):
            client_context(unusable)
        (problem,) = certificate_problems(unusable, datetime.now(UTC))
        assert problem.startswith("dimse.tls.")


def test_the_time_of_a_certificate_is_read(authority: Authority, identity: Identity, settings: TlsSettings) -> None:
    now = datetime.now(UTC)
    first, last = validity(identity.certificate.read_text())
    assert abs(first - now) < timedelta(minutes=5)
    assert last - first == timedelta(days=2)
    assert certificate_problems(settings, now) == []
    assert certificate_problems(TlsSettings(), now) == []
    (expired,) = certificate_problems(settings, last + timedelta(seconds=1))
    assert expired.startswith("dimse.tls.certificate: ") and "has expired on" in expired
    early = certificate_problem(identity.certificate, first - timedelta(seconds=1))
    assert early is not None and "valid only from" in early


def test_a_certificate_of_the_far_future() -> None:
    # From 2049 on the time is written with four digits of the year (RFC 5280 section 4.1.2.5).
    tbs = bytes.fromhex("02010130003000") + b"\x30\x20\x17\x0d491231235959Z\x18\x0f20500101000000Z"
    der = b"\x30" + bytes([len(tbs) + 2]) + b"\x30" + bytes([len(tbs)]) + tbs
    first, last = validity(ssl.DER_cert_to_PEM_cert(der))
    assert (first.year, last) == (2049, datetime(2050, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("content", ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_is_said(content: str, tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_text(content)
    problem = certificate_problem(tmp_path / "a.pem", datetime.now(UTC))
    assert problem is not None and "holds no certificate that can be read" in problem


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConnectionResetError(), "may not speak TLS on this port"),
        (TimeoutError(), "does not answer the handshake"),
        (OSError("strange"), "the TLS handshake failed (OSError)"),
    ],
)
def test_failures_that_tls_does_not_know(error: OSError, said: str) -> None:
    assert said in explained(error)
