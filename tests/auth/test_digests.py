"""What is kept instead of secrets."""

from argon2 import Type, extract_parameters

from auth.codes import complete
from auth.digests import Digests, Verifiers
from tests.auth.conftest import PEPPER


def test_the_verifier_is_argon2id_with_the_parameters_of_owasp() -> None:
    parameters = extract_parameters(Verifiers().make("rest"))
    assert parameters.type is Type.ID
    assert (parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (19456, 2, 1)
    assert (parameters.salt_len, parameters.hash_len) == (16, 32)


def test_a_verifier_fits_its_rest_only_and_none_fits_nothing() -> None:
    verifiers = Verifiers(memory_kib=8, passes=1)
    verifier = verifiers.make("rest")
    assert verifiers.fits(verifier, "rest")
    assert not verifiers.fits(verifier, "rest ")
    assert not verifiers.fits(None, "rest")
    assert not verifiers.fits(None, "")
    assert verifiers.make("rest") != verifier


def test_every_purpose_has_its_own_digests() -> None:
    digests, code = Digests(PEPPER), complete("0" * 15)
    made = [
        digests.pepper_id,
        digests.selector(code),
        digests.rest(code),
        digests.token("00000"),
        digests.birth_date("0", "0000"),
        digests.network("00000"),
        digests.attempt("00000"),
    ]
    assert len({digest[:16] for digest in made}) == len(made)


def test_another_pepper_makes_other_digests() -> None:
    code = complete("ABCDE0123456789")
    ours, theirs = Digests(PEPPER), Digests(bytes(32))
    assert ours.selector(code) == Digests(PEPPER).selector(code)
    assert ours.selector(code) != theirs.selector(code)
    assert ours.pepper_id != theirs.pepper_id


def test_selector_and_rest_cover_the_code_together() -> None:
    digests = Digests(PEPPER)
    first, other_end, other_start = (
        complete(body) for body in ("ABCDE" + "0" * 10, "ABCDE" + "1" * 10, "1BCDE00000AAAAA")
    )
    assert digests.selector(first) == digests.selector(other_end) != digests.selector(other_start)
    assert digests.rest(first) != digests.rest(other_end)
