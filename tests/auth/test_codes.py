"""Access codes: what is drawn, what is noticed, what is forgiven."""

import re
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auth.codes import ALPHABET, bare, complete, new_code, new_token, normalise, normalise_token
from auth.errors import MalformedCode

bodies = st.text(alphabet=ALPHABET, min_size=15, max_size=15)
places = st.integers(min_value=0, max_value=15)


def is_noticed(characters: str) -> bool:
    try:
        normalise(characters)
    except MalformedCode as error:
        return error.reason == "typo"
    return False


def test_a_new_code_is_four_groups_and_its_own_normal_form() -> None:
    codes = {new_code() for _ in range(500)}
    assert len(codes) == 500
    for code in codes:
        assert re.fullmatch(rf"(?:[{ALPHABET}]{{4}}-){{3}}[{ALPHABET}]{{4}}", code)
        assert normalise(code) == code


def test_every_character_is_drawn_at_every_place() -> None:
    drawn = [bare(new_code()) for _ in range(2000)]
    for place in range(16):
        assert {code[place] for code in drawn} == set(ALPHABET)


def test_a_token_has_26_characters_of_the_alphabet() -> None:
    tokens = {new_token() for _ in range(500)}
    assert len(tokens) == 500
    assert all(re.fullmatch(rf"[{ALPHABET}]{{26}}", token) for token in tokens)


@settings(max_examples=20)
@given(bodies)
def test_every_single_wrong_character_is_noticed(body: str) -> None:
    code = bare(complete(body))
    for place in range(16):
        for other in ALPHABET.replace(code[place], ""):
            assert is_noticed(code[:place] + other + code[place + 1 :])


@settings(max_examples=20)
@given(bodies)
def test_every_exchange_of_two_characters_is_noticed(body: str) -> None:
    code = bare(complete(body))
    for first, second in combinations(range(16), 2):
        exchanged = list(code)
        exchanged[first], exchanged[second] = code[second], code[first]
        assert code[first] == code[second] or is_noticed("".join(exchanged))


def test_neighbours_of_every_two_values_at_every_place_are_told_apart() -> None:
    for place in range(14):
        for low, high in combinations(ALPHABET, 2):
            code = bare(complete("0" * place + low + high + "0" * (13 - place)))
            assert is_noticed(code[:place] + high + low + code[place + 2 :])


@given(bodies, places)
def test_a_double_mistaken_for_another_double_is_noticed(body: str, place: int) -> None:
    start = min(place, 13)
    code = bare(complete(body[:start] + "AA" + body[start + 2 :]))
    for other in ALPHABET.replace("A", ""):
        assert is_noticed(code[:start] + other * 2 + code[start + 2 :])


@pytest.mark.parametrize(
    "typed",
    [
        "{0}",
        " {1} ",
        "{2}",
        "{3}",
        "{4}",
        "{5}",
        "{6}\n",
    ],
)
def test_the_way_of_writing_does_not_matter(typed: str) -> None:
    code = complete("ABC0123456789DE")
    written = typed.format(
        code,
        code.lower(),
        bare(code),
        code.replace("-", " "),
        code.replace("-", "–"),
        bare(code).replace("0", "o").replace("1", "l"),
        "".join(chr(ord(character) + 0xFEE0) for character in bare(code)).replace(chr(ord("1") + 0xFEE0), "I"),
    )
    assert normalise(written) == code


@pytest.mark.parametrize("zero", ["0", "O", "o", "٠", "۰"])
@pytest.mark.parametrize("one", ["1", "١", "I", "i", "L", "l", "\N{LATIN SMALL LETTER DOTLESS I}"])
def test_lookalikes_are_read_as_digits(zero: str, one: str) -> None:
    code = complete("0101010101ABCDE")
    assert normalise(code.replace("0", zero).replace("1", one)) == code


@pytest.mark.parametrize(
    ("typed", "reason", "characters", "character"),
    [
        ("", "too short", 0, ""),
        (" - ", "too short", 0, ""),
        ("0000-0000-0000-000", "too short", 15, ""),
        ("0000-0000-0000-0000-0", "too long", 17, ""),
        ("0000-0000-0000-000U", "character", 0, "U"),
        ("0000-0000-0000-000u", "character", 0, "U"),
        ("0000-0000-0000-000é", "character", 0, "É"),
        ("0000-0000-0000-000ß", "character", 0, "ß"),
        ("0000-0000-0000-0001", "typo", 0, ""),
    ],
)
def test_what_is_wrong_is_said(typed: str, reason: str, characters: int, character: str) -> None:
    with pytest.raises(MalformedCode) as raised:
        normalise(typed)
    assert (raised.value.reason, raised.value.characters, raised.value.character) == (reason, characters, character)
    assert raised.value.http_status == 400


def test_a_typing_mistake_does_not_show_in_the_message() -> None:
    code = bare(new_code())
    wrong = ALPHABET[(ALPHABET.index(code[0]) + 1) % 32] + code[1:]
    with pytest.raises(MalformedCode) as raised:
        normalise(wrong)
    assert wrong not in repr(raised.value) and code not in str(raised.value)


@given(st.text(max_size=80))
def test_whatever_is_typed_gets_a_code_or_a_reason(text: str) -> None:
    try:
        assert normalise(normalise(text)) == normalise(text)
    except MalformedCode as error:
        assert error.reason in {"too short", "too long", "character", "typo"}


def test_a_token_is_read_back_in_lower_case_too() -> None:
    token = new_token()
    assert normalise_token(f" {token.lower()}\n") == token


def test_a_token_without_end_is_cut() -> None:
    assert len(normalise_token("A" * 1_000_000)) < 1000
