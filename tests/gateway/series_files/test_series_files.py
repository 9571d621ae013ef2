"""A series as film and as contact sheets: what is seen and written in the files, and the words for them."""

from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from typing import Any, Final

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pypdf import PdfReader

from gateway.series_files import film as films
from gateway.series_files.captions import Captions
from gateway.series_files.chosen import Choice, choose, milliseconds
from gateway.series_files.chosen import Image as Chosen
from gateway.series_files.contact_sheet import contact_sheet
from gateway.series_files.line import Line
from gateway.series_files.strip import Strip
from storage.records import InstanceRecord
from tests.gateway.portal_house import Portal

SAID: Final = Captions(
    "Erika Muster",
    ("Computertomographie, 12. Januar 2026", "axial"),
    "Jedes 2. Bild der Serie",
    "Nicht zur Befundung geeignet!",
    "Dieses Bild lässt sich nicht darstellen.",
    lambda number: f"Bild {number} von 40",
    lambda number, of: f"Seite {number} von {of}",
)


def _records(portal: Portal) -> list[InstanceRecord]:
    chest = portal.chest[0]
    scope = portal.issued.share.scope
    return portal.house.storage.index.instances(scope, chest.study_instance_uid, chest.series_instance_uid)


def _jpeg(shade: int, size: tuple[int, int] = (512, 256)) -> bytes:
    target = BytesIO()
    Image.new("L", size, shade).save(target, "JPEG", quality=95)
    return target.getvalue()


def _pixels(picture: Image.Image) -> NDArray[np.int16]:
    return np.asarray(picture.convert("RGB")).astype(np.int16)


def test_the_films_frames_are_the_pictures_with_a_strip_below(portal: Portal) -> None:
    record = _records(portal)[0]
    shades = [20, 128, 240]
    pictures = [(Chosen(number, record, 1), _jpeg(shade)) for number, shade in enumerate(shades, 1)]
    with Image.open(BytesIO(films.film(SAID, iter(pictures), 40))) as film:
        assert (film.format, getattr(film, "n_frames", 1), film.info["loop"]) == ("WEBP", 3, 0)
        strips = []
        for place, shade in enumerate(shades):
            film.seek(place)
            seen = _pixels(film)
            assert film.info["duration"] == 40
            assert np.abs(seen[130:382] - shade).max() <= 4
            assert seen[:126].max() <= 8 and seen[388:510].max() <= 8, "black above and below what is flat"
            strips.append(seen[512:])
            assert (strips[-1] > 240).mean() > 0.5 and (strips[-1] < 80).mean() > 0.01
    assert (np.abs(strips[0] - strips[1]) > 60).any(), "each has its number"


def test_what_cannot_be_drawn_is_said_in_its_place(portal: Portal) -> None:
    record = _records(portal)[0]
    pictures = [(Chosen(1, record, 1), None), (Chosen(2, record, 1), _jpeg(128))]
    with Image.open(BytesIO(films.film(SAID, iter(pictures), 100))) as film:
        assert (_pixels(film)[:512] > 200).any()
    text = PdfReader(BytesIO(contact_sheet(SAID, iter(pictures), 2, "de"))).pages[0].extract_text()
    assert "Dieses Bild lässt sich" in text and "Bild 2 von 40" in text


def test_every_page_of_the_pdf_says_whose_it_is(portal: Portal) -> None:
    record = _records(portal)[0]
    pictures = [(Chosen(2 * place + 1, record, 1), _jpeg(10 * place)) for place in range(20)]
    pages = PdfReader(BytesIO(contact_sheet(SAID, iter(pictures), 20, "de"))).pages
    assert [len(page.images) for page in pages] == [12, 8]
    for number, page in enumerate(pages, 1):
        text = page.extract_text()
        for line in (SAID.name, *SAID.lines, SAID.part, SAID.notice, f"Seite {number} von 2"):
            assert line in text
    assert "Bild 1 von 40" in pages[0].extract_text() and "Bild 39 von 40" in pages[1].extract_text()


def test_no_picture_lies_upon_the_notice_or_the_head(portal: Portal) -> None:
    record = _records(portal)[0]
    pictures = [(Chosen(place, record, 1), _jpeg(20 * place, (400, 400))) for place in range(1, 13)]
    (page,) = PdfReader(BytesIO(contact_sheet(SAID, iter(pictures), 12, "de"))).pages
    placed: list[tuple[float, float]] = []
    written: dict[str, float] = {}

    def image(operator: bytes, _operands: Any, matrix: Sequence[float], _text: Sequence[float]) -> None:
        if operator == b"Do":
            placed.append((matrix[5], matrix[5] + matrix[3]))

    def line(text: str, _matrix: Sequence[float], place: Sequence[float], *_: Any) -> None:
        written[text.strip()] = place[5]

    page.extract_text(visitor_operand_before=image, visitor_text=line)
    assert len(placed) == 12
    assert min(bottom for bottom, _ in placed) > written[SAID.notice] + 20
    assert max(top for _, top in placed) < written[SAID.part] - 2


def test_texts_without_end_stay_on_the_paper(portal: Portal) -> None:
    long = Captions("M" * 500, ("wort " * 200,), "", "x " * 300, "", SAID.image, SAID.page)
    picture = (Chosen(1, _records(portal)[0], 1), _jpeg(128))
    assert len(PdfReader(BytesIO(contact_sheet(long, iter([picture]), 1, "de"))).pages) == 1
    with Image.open(BytesIO(films.film(long, iter([picture]), 100))) as film:
        assert film.size[0] == films.SIDE and film.size[1] < films.SIDE + 300


@pytest.mark.parametrize(
    ("most", "numbers", "step"), [(120, [1, 2, 3], 1), (3, [1, 2, 3], 1), (2, [1, 3], 2), (1, [1], 3)]
)
def test_images_are_chosen_evenly(portal: Portal, most: int, numbers: list[int], step: int) -> None:
    choice = choose(_records(portal), most)
    assert ([image.number for image in choice.images], choice.total, choice.step) == (numbers, 3, step)


def test_a_series_without_images_has_nothing_to_choose() -> None:
    assert choose([]) == Choice((), 0, 1)


@pytest.mark.parametrize(
    ("data_set", "step", "expected"),
    [
        ({}, 1, 100),
        ({}, 4, 100),
        ({"00181063": {"vr": "DS", "Value": [40.0]}}, 1, 40),
        ({"00181063": {"vr": "DS", "Value": [40.0]}}, 3, 120),
        ({"00182144": {}, "00180040": {"vr": "IS", "Value": [25]}, "00181063": {"vr": "DS", "Value": [99]}}, 1, 40),
        ({"00082144": {"vr": "IS", "Value": [50]}, "00180040": {"vr": "IS", "Value": [25]}}, 1, 20),
        ({"00181065": {"vr": "DS", "Value": [0, 30.0, 50.0]}}, 1, 40),
        ({"00181063": {"vr": "DS", "Value": [0.001]}}, 1, 16),
        ({"00181063": {"vr": "DS", "Value": ["nan?"]}}, 1, 100),
        ({"00181063": {"vr": "DS", "Value": ["nan"]}}, 1, 100),
        ({"00181063": {"vr": "DS", "Value": [-3]}}, 1, 100),
    ],
    ids=str,
)
def test_a_film_is_as_quick_as_the_data_set_says(data_set: dict[str, Any], step: int, expected: int) -> None:
    assert milliseconds(data_set, step) == expected


def strip_of(name: str, *, from_right: bool = False) -> NDArray[np.int16]:
    """The ink of a strip with this name: 0 where the paper is white."""
    strip = Strip(replace(SAID, name=name, from_right=from_right), 512)
    paper = Image.new("L", (512, strip.height), "white")
    strip.draw(ImageDraw.Draw(paper), 0, 1)
    return 255 - np.asarray(paper).astype(np.int16)


@pytest.mark.parametrize("name", ["Ayşe Yıldız", "Анна Проба", "ليلى التجريبية"], ids=ascii)
def test_any_of_our_writings_is_drawn_below_pictures(name: str) -> None:
    first = strip_of(name)[10:30]
    assert first.max() > 200 and (first != strip_of("".join("\u25a1" for _ in name))[10:30]).any()
    columns = np.flatnonzero(first.max(0))
    assert columns[0] < 20 and columns[-1] < 300
    from_right = np.flatnonzero(strip_of(name, from_right=True)[10:30].max(0))
    assert from_right[-1] > 490 and from_right[0] > 250, "words from the right begin on the right"


def test_joined_letters_are_drawn_in_their_forms() -> None:
    """Alone, each letter of the name is wider; and marks, whose joined glyphs have no character, are left out."""
    name = "ليلى"
    joined = Line(name, 40, bold=False, from_right=True)
    assert joined.width < sum(Line(one, 40, bold=False, from_right=True).width for one in name) * 0.8
    drawn = []
    for word in ("مُثَنًّى", "مثنى"):
        paper = Image.new("L", (200, 80), "white")
        Line(word, 40, bold=False, from_right=True).draw(ImageDraw.Draw(paper), 10, 10, "black")
        drawn.append(paper.tobytes())
    assert drawn[0] == drawn[1]
