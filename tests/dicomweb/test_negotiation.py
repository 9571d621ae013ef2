"""The choice of a representation, as a table: what is asked for, what is kept, what is sent."""

from time import process_time

import pytest
from starlette.requests import Request

from dicomweb.media_types import (
    BULK_DATA,
    METADATA,
    RENDERED,
    Representation,
    frame_representations,
    instance_representations,
)
from dicomweb.negotiation import Acceptable, accepts_gzip, choose, content_coding, media_ranges, parse_media_type
from dicomweb.problems import NotAcceptable
from storage.imaging.encoders import encodings

IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
DEFLATED, RLE = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.5"
BASELINE, LOSSLESS, JPEG_LS, J2K, HTJ2K = (f"1.2.840.10008.1.2.4.{arc}" for arc in (50, 70, 80, 91, 201))
J2K_LOSSLESS = "1.2.840.10008.1.2.4.90"
MPEG2, H264, HEVC = (f"1.2.840.10008.1.2.4.{arc}" for arc in (100, 102, 107))

DICOM = 'multipart/related; type="application/dicom"'
XML = 'multipart/related; type="application/dicom+xml"'
OCTETS = 'multipart/related; type="application/octet-stream"'


def request(accept: str | None = None, query: str = "", **headers: str) -> Request:
    named = {"accept": accept} if accept is not None else {}
    fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in (named | headers).items()]
    return Request({"type": "http", "headers": fields, "query_string": query.encode(), "path": "/", "method": "GET"})


def chosen(accept: str | None, offers: tuple[Representation, ...], query: str = "") -> str | None:
    found = Acceptable.of(request(accept, query)).choose(offers)
    return None if found is None else str(found)


@pytest.mark.parametrize(
    ("accept", "stored", "expected"),
    [
        # No transfer syntax named: Explicit VR Little Endian, whatever is stored (PS3.18 8.7.3.5.2).
        (None, J2K, f"{DICOM}; transfer-syntax={EXPLICIT}"),
        ("*/*", J2K, f"{DICOM}; transfer-syntax={EXPLICIT}"),
        (DICOM, J2K, f"{DICOM}; transfer-syntax={EXPLICIT}"),
        ("multipart/related; type=application/dicom", J2K, f"{DICOM}; transfer-syntax={EXPLICIT}"),
        ("multipart/related", J2K, f"{DICOM}; transfer-syntax={EXPLICIT}"),
        ('Multipart/Related; Type="Application/DICOM"', J2K, f"{DICOM}; transfer-syntax={EXPLICIT}"),
        ('multipart/related;type="application/dicom";boundary=**', J2K, f"{DICOM}; transfer-syntax={EXPLICIT}"),
        # Video is had in lossy form only, which 8.7.3 lets us send.
        (DICOM, H264, f"{DICOM}; transfer-syntax={H264}"),
        (f"{DICOM}; transfer-syntax={EXPLICIT}", H264, None),
        # As stored, but for the two syntaxes that are never sent.
        (f"{DICOM}; transfer-syntax=*", J2K, f"{DICOM}; transfer-syntax={J2K}"),
        (f'{DICOM}; transfer-syntax="*"', J2K, f"{DICOM}; transfer-syntax={J2K}"),
        (f"{DICOM}; transfer-syntax=*", DEFLATED, f"{DICOM}; transfer-syntax={DEFLATED}"),
        (f"{DICOM}; transfer-syntax=*", EXPLICIT, f"{DICOM}; transfer-syntax={EXPLICIT}"),
        (f"{DICOM}; transfer-syntax=*", IMPLICIT, f"{DICOM}; transfer-syntax={EXPLICIT}"),
        (f"{DICOM}; transfer-syntax=*", BIG, f"{DICOM}; transfer-syntax={EXPLICIT}"),
        (f"{DICOM}; transfer-syntax={IMPLICIT}", IMPLICIT, None),
        ("*/*; transfer-syntax=*", J2K, f"{DICOM}; transfer-syntax={J2K}"),
        # One by name: what is stored, or Explicit VR Little Endian.
        (f"{DICOM}; transfer-syntax={J2K}", J2K, f"{DICOM}; transfer-syntax={J2K}"),
        (f"{DICOM}; transfer-syntax={JPEG_LS}", J2K, None),
        (f"{DICOM}; transfer-syntax={EXPLICIT}", J2K, f"{DICOM}; transfer-syntax={EXPLICIT}"),
        # Several: by quality, then by their order.
        (f"{DICOM}; transfer-syntax={JPEG_LS}, {DICOM}", J2K, f"{DICOM}; transfer-syntax={EXPLICIT}"),
        (f"{DICOM}; transfer-syntax=*, {DICOM}", J2K, f"{DICOM}; transfer-syntax={J2K}"),
        (f"{DICOM}; transfer-syntax=*; q=0.4, {DICOM}; q=0.5", J2K, f"{DICOM}; transfer-syntax={EXPLICIT}"),
        (f"{DICOM};q=0, */*", J2K, "application/dicom; transfer-syntax=1.2.840.10008.1.2.1"),
        # Without a transfer syntax it is Explicit VR Little Endian that is meant, also where that is refused.
        (f"{DICOM}; transfer-syntax={EXPLICIT}; q=0, {DICOM}", J2K, None),
        # Single part, for one instance.
        ("application/dicom", J2K, f"application/dicom; transfer-syntax={EXPLICIT}"),
        ("application/dicom; transfer-syntax=*", J2K, f"application/dicom; transfer-syntax={J2K}"),
        ("application/*", EXPLICIT, f"application/dicom; transfer-syntax={EXPLICIT}"),
        # What nobody can make sense of.
        ("image/jpeg", J2K, None),
        ("text/html", J2K, None),
        ("nonsense", J2K, None),
        ("application/dicom;q=0", J2K, None),
        ("application/dicom;q=nan", J2K, None),
        (",;,;=", J2K, None),
    ],
)
def test_instance(accept: str | None, stored: str, expected: str | None) -> None:
    assert chosen(accept, instance_representations(stored, single=True)) == expected


def test_single_part_is_for_one_instance_only() -> None:
    offers = instance_representations(EXPLICIT, single=False)
    assert chosen("application/dicom", offers) is None
    assert chosen(f"application/dicom, {DICOM}", offers) == f"{DICOM}; transfer-syntax={EXPLICIT}"


@pytest.mark.parametrize(
    ("accept", "stored", "expected"),
    [
        (None, J2K, f"{OCTETS}; transfer-syntax={EXPLICIT}"),
        ("*/*", J2K, f"{OCTETS}; transfer-syntax={EXPLICIT}"),
        (OCTETS, J2K, f"{OCTETS}; transfer-syntax={EXPLICIT}"),
        ('multipart/related; type="*/*"', J2K, f"{OCTETS}; transfer-syntax={EXPLICIT}"),
        ("application/octet-stream", J2K, f"application/octet-stream; transfer-syntax={EXPLICIT}"),
        (OCTETS, IMPLICIT, f"{OCTETS}; transfer-syntax={EXPLICIT}"),
        (f"{OCTETS}; transfer-syntax=*", BIG, f"{OCTETS}; transfer-syntax={EXPLICIT}"),
        (f"{OCTETS}; transfer-syntax=*", DEFLATED, f"{OCTETS}; transfer-syntax={EXPLICIT}"),
        (f"{OCTETS}; transfer-syntax=*", J2K, f"{OCTETS}; transfer-syntax={J2K}"),
        ("*/*; transfer-syntax=*", J2K, f'multipart/related; type="image/jp2"; transfer-syntax={J2K}'),
        ('multipart/related; type="image/jp2"', J2K, f'multipart/related; type="image/jp2"; transfer-syntax={J2K}'),
        ('multipart/related; type="image/*"', RLE, f'multipart/related; type="image/dicom-rle"; transfer-syntax={RLE}'),
        ("image/x-jls", JPEG_LS, f"image/jls; transfer-syntax={JPEG_LS}"),
        (f"image/jpeg; transfer-syntax={BASELINE}", BASELINE, f"image/jpeg; transfer-syntax={BASELINE}"),
        (f"image/jpeg; transfer-syntax={LOSSLESS}", BASELINE, None),
        (f'multipart/related; type="image/jpeg"; transfer-syntax={LOSSLESS}', EXPLICIT, None),
        ("image/jphc", HTJ2K, f"image/jphc; transfer-syntax={HTJ2K}"),
        ("image/jpeg", J2K, None),
        # What OHIF sends: any codec's own type before plain bytes.
        (f"image/jphc, image/jls, {OCTETS}", JPEG_LS, f"image/jls; transfer-syntax={JPEG_LS}"),
        (OCTETS, MPEG2, f"{OCTETS}; transfer-syntax={MPEG2}"),
        ("*/*", H264, f'multipart/related; type="video/mp4"; transfer-syntax={H264}'),
        ("video/mpeg2", MPEG2, f"video/mpeg; transfer-syntax={MPEG2}"),
        ("video/h265", HEVC, f"video/H265; transfer-syntax={HEVC}"),
        (f"{OCTETS}; transfer-syntax={EXPLICIT}", H264, None),
    ],
)
def test_frames(accept: str | None, stored: str, expected: str | None) -> None:
    assert chosen(accept, frame_representations(stored, single=True)) == expected


MADE = encodings(8)


@pytest.mark.parametrize("stored", [EXPLICIT, IMPLICIT, BIG, DEFLATED, RLE, BASELINE, LOSSLESS, JPEG_LS, J2K, HTJ2K])
@pytest.mark.parametrize(
    ("accept", "default", "of_the_type"),
    [
        # Table 8.7.3-5: the default of a media type, unless one of its own kind is stored.
        ("image/jpeg", LOSSLESS, {BASELINE, LOSSLESS}),
        ("image/jls", JPEG_LS, {JPEG_LS}),
        ("image/jp2", J2K_LOSSLESS, {J2K}),
        ("image/jphc", HTJ2K, {HTJ2K}),
        ("image/dicom-rle", RLE, {RLE}),
        # Named, it is that one and no other.
        (f"image/jpeg; transfer-syntax={BASELINE}", BASELINE, set()),
        (f'image/jp2;transfer-syntax="{J2K_LOSSLESS}"', J2K_LOSSLESS, set()),
        (f"image/gif, image/jls;q=0.2, image/jphc; transfer-syntax={HTJ2K};q=0.3", HTJ2K, set()),
        (f"image/jphc;q=0, image/jls; q=0.001, image/jphc; transfer-syntax={J2K_LOSSLESS}", JPEG_LS, set()),
    ],
)
def test_frames_that_are_made(accept: str, default: str, of_the_type: set[str], stored: str) -> None:
    expected = stored if stored in of_the_type else default
    found = Acceptable.of(request(accept)).choose(frame_representations(stored, MADE, single=True))
    assert found is not None and found.transfer_syntax == expected
    several = ", ".join(_as_multipart(one) for one in accept.split(", "))
    found = Acceptable.of(request(several)).choose(frame_representations(stored, MADE, single=False))
    assert found is not None and (found.transfer_syntax, found.multipart) == (expected, True)


def _as_multipart(media_range: str) -> str:
    media_type, separator, parameters = media_range.partition(";")
    return f'multipart/related; type="{media_type}"{separator}{parameters}'


@pytest.mark.parametrize("stored", [EXPLICIT, IMPLICIT, RLE, BASELINE, J2K])
@pytest.mark.parametrize("wanted", [BASELINE, LOSSLESS, JPEG_LS, J2K_LOSSLESS, HTJ2K, RLE, EXPLICIT])
def test_what_is_made_never_takes_the_place_of_a_default(stored: str, wanted: str) -> None:
    """Encoding costs time, so it is done for those only who name it."""
    for offers in (instance_representations, frame_representations):
        for accept in (None, "*/*", "multipart/related", f'{DICOM}, {OCTETS}, "x"', f"{DICOM}; q=0.1, {OCTETS}; q=0.1"):
            silent = Acceptable.of(request(accept)).choose(offers(stored, MADE, single=False))
            assert silent is not None and silent.transfer_syntax == EXPLICIT, accept
        starred = Acceptable.of(request("*/*; transfer-syntax=*")).choose(offers(stored, MADE, single=False))
        assert starred is not None and starred.transfer_syntax == (EXPLICIT if stored == IMPLICIT else stored)
    named = Acceptable.of(request(f"{DICOM}; transfer-syntax={wanted}"))
    found = named.choose(instance_representations(stored, MADE, single=False))
    assert found is not None and found.transfer_syntax == wanted


def test_the_offers_of_an_instance_are_all_there_is() -> None:
    offers = [str(offer) for offer in instance_representations(RLE, MADE, single=False)]
    assert offers == [f"{DICOM}; transfer-syntax={uid}" for uid in (EXPLICIT, RLE, *(u for u in MADE if u != RLE))]
    for offer in offers:
        assert chosen(offer, instance_representations(RLE, MADE, single=False)) == offer


def test_several_frames_come_as_multipart_only() -> None:
    assert chosen("application/octet-stream", frame_representations(EXPLICIT, single=False)) is None


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        "application/dicom+json",
        "application/json",
        "text/html, */*;q=0.1",
        # JSON is UTF-8 by its definition (PS3.18 F.2); a charset changes nothing.
        "application/dicom+json; charset=utf-8",
        'application/dicom+json; charset="ISO-8859-1"',
    ],
)
def test_metadata_are_dicom_json(accept: str) -> None:
    assert chosen(accept, METADATA) == "application/dicom+json"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ('multipart/related; type="application/dicom+xml"', XML),
        ("multipart/related; type=application/dicom+xml", XML),
        ('multipart/related; type="application/dicom+xml"; q=0.5, application/dicom+json; q=0.4', XML),
        ('multipart/related; type="application/dicom+xml"; q=0.5, application/dicom+json', "application/dicom+json"),
        ('application/dicom+json; q=0, multipart/related; type="application/dicom+xml"; q=0.1', XML),
        ("multipart/related", XML),
        ("application/dicom+xml", "application/dicom+xml"),
        ("application/dicom+xml, */*; q=0.1", "application/dicom+xml"),
        # What browsers ask for: an XML document would be shown to nobody.
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/dicom+json"),
    ],
)
def test_metadata_as_xml(accept: str, expected: str) -> None:
    """PS3.18 8.7.3.2: JSON is the default, XML is one part for each data set."""
    assert chosen(accept, METADATA) == expected


def test_metadata_on_offer() -> None:
    with pytest.raises(NotAcceptable) as refusal:
        Acceptable.of(request("text/html")).choose_or_refuse(METADATA)
    assert refusal.value.offers == ("application/dicom+json", XML, "application/dicom+xml")


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "image/jpeg"),
        ("*/*", "image/jpeg"),
        ("image/*", "image/jpeg"),
        ("image/png", "image/png"),
        ("image/jpg", "image/jpeg"),
        ("image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", "image/jpeg"),
        ("image/png;q=0.2, image/jpeg;q=0.1", "image/png"),
        ('multipart/related; type="image/png"', 'multipart/related; type="image/png"'),
        ("image/jp2", None),
    ],
)
def test_rendered(accept: str | None, expected: str | None) -> None:
    assert chosen(accept, RENDERED) == expected


def test_bulk_data_in_both_forms() -> None:
    assert chosen("*/*", BULK_DATA) == OCTETS
    assert chosen("application/octet-stream", BULK_DATA) == "application/octet-stream"


def test_the_query_parameter_comes_before_the_header() -> None:
    assert chosen("image/jpeg", RENDERED, "accept=image/png") == "image/png"
    assert chosen("image/jpeg", RENDERED, "accept=image/jp2") == "image/jpeg"
    assert chosen(None, RENDERED, "accept=image/jp2") is None
    assert chosen("text/html", METADATA, "accept=application/dicom+json") == "application/dicom+json"
    assert chosen("text/html", METADATA, "accept=application%2Fdicom%2Bjson") == "application/dicom+json"
    frames = frame_representations(J2K, single=True)
    query = 'accept=multipart/related;type="application/octet-stream";transfer-syntax=*'
    assert chosen("*/*", frames, query) == f"{OCTETS}; transfer-syntax={J2K}"


def test_two_accept_fields_are_one_list() -> None:
    fields = [(b"accept", b"image/jp2"), (b"accept", b"image/png")]
    both = Request({"type": "http", "headers": fields, "query_string": b"", "path": "/", "method": "GET"})
    assert str(Acceptable.of(both).choose(RENDERED)) == "image/png"


def test_a_quoted_value_may_hold_separators() -> None:
    ranges = media_ranges('application/dicom; note="a, b; q=0"; q=0.5, image/png')
    assert [(one.media_type, one.quality) for one in ranges] == [("application/dicom", 0.5), ("image/png", 1.0)]


def test_an_endless_accept_is_cut() -> None:
    assert len(media_ranges("image/png," * 100_000)) == 100


@pytest.mark.parametrize("unit", ['"\\', '"a\\', '\\"', '"', ',"', '"\\""', " ", ";"])
def test_no_accept_takes_more_than_one_pass(unit: str) -> None:
    """Quadratic reading takes seconds for these 16 kB."""
    begin = process_time()
    assert choose(media_ranges(unit * 16_384), RENDERED) is None
    assert process_time() - begin < 0.5


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip;q=0.000, *", False),
        ("identity", False),
        ("", False),
    ],
)
def test_gzip(field: str, expected: bool) -> None:
    assert accepts_gzip(request(accept_encoding=field)) is expected
    assert accepts_gzip(request()) is False


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, br", "gzip"),
        ("zstd;q=0.5, gzip;q=0.8", "gzip"),
        ("*", "zstd"),
        ("zstd;q=0, *", "gzip"),
        ("identity;q=0.5, gzip;q=0.4", None),
        ("identity, gzip;q=1.0", "gzip"),
        ("br", None),
        ("", None),
    ],
)
def test_the_best_content_coding(field: str, expected: str | None) -> None:
    """RFC 9110 12.5.3: by quality, and none that is wanted less than the plain content."""
    assert content_coding(request(accept_encoding=field), ("zstd", "gzip")) == expected


def test_content_types() -> None:
    assert parse_media_type('Multipart/Related; TYPE="application/dicom"; boundary="a;b"') == (
        "multipart/related",
        {"type": "application/dicom", "boundary": "a;b"},
    )
    assert parse_media_type("") == ("", {})
    assert parse_media_type('x/y; a="b\\"c"')[1] == {"a": 'b"c'}
