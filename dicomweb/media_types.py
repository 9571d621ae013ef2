"""The media types of PS3.18 8.7.3 and their transfer syntaxes, as data; and what is on offer for an instance."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_PREFIX: Final = "1.2.840.10008.1.2."

IMPLICIT_LITTLE: Final = "1.2.840.10008.1.2"
EXPLICIT_LITTLE: Final = "1.2.840.10008.1.2.1"
EXPLICIT_BIG: Final = "1.2.840.10008.1.2.2"

DICOM: Final = "application/dicom"
DICOM_JSON: Final = "application/dicom+json"
DICOM_XML: Final = "application/dicom+xml"
OCTET_STREAM: Final = "application/octet-stream"

# PS3.18 8.7.3: these two "shall not be used with Web Services".
NEVER_SENT: Final = frozenset({IMPLICIT_LITTLE, EXPLICIT_BIG})

# Frames of these are native pixels, whatever wraps the data set.
NATIVE: Final = frozenset(
    {IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG, "1.2.840.10008.1.2.1.98", "1.2.840.10008.1.2.1.99"}
)

# PS3.18 table 8.7.3-5: the default transfer syntax of each media type first. The retired JPEG processes are under the
# type of their codestream.
_ENCAPSULATED: Final = {
    "image/jpeg": "4.70 4.50 4.51 4.53 4.55 4.57",
    "image/jls": "4.80 4.81",
    "image/jp2": "4.90 4.91",
    "image/jpx": "4.92 4.93",
    "image/jphc": "4.201 4.202 4.203",
    "image/jxl": "4.110 4.111 4.112",
    "image/dicom-rle": "5",
    "video/mpeg": "4.101 4.100 4.100.1 4.101.1",
    "video/mp4": "4.102 4.102.1 4.103 4.103.1 4.104 4.104.1 4.105 4.105.1 4.106 4.106.1",
    "video/H265": "4.107 4.108",
}
FRAME_MEDIA_TYPES: Final = {
    f"{_PREFIX}{arc}": media_type for media_type, arcs in _ENCAPSULATED.items() for arc in arcs.split()
}

# PS3.18 tables 8.7.3-4 and -5: what is meant by a media type without transfer-syntax parameter, where the frame itself
# does not say it.
DEFAULT_TRANSFER_SYNTAXES: Final = {
    **{"image/jpeg": f"{_PREFIX}4.70", "image/jls": f"{_PREFIX}4.80", "image/jp2": f"{_PREFIX}4.90"},
    **{"image/jpx": f"{_PREFIX}4.92", "image/jphc": f"{_PREFIX}4.201", "image/jxl": f"{_PREFIX}4.110"},
    **{"image/dicom-rle": f"{_PREFIX}5", "video/mpeg": f"{_PREFIX}4.100", "video/mp4": f"{_PREFIX}4.102"},
    "video/H265": f"{_PREFIX}4.107",
}
_DEFAULTS: Final = frozenset(f"1.2.840.10008.1.2.{arcs.split()[0]}" for arcs in _ENCAPSULATED.values())

# Names that clients use for the same thing.
ALIASES: Final = {
    "application/json": DICOM_JSON,
    "image/x-dicom-rle": "image/dicom-rle",
    "image/x-jls": "image/jls",
    "image/jpg": "image/jpeg",
    "video/mpeg2": "video/mpeg",
    "video/h265": "video/H265",
}


@dataclass(frozen=True, slots=True)
class Representation:
    """One way in which a resource can be sent.

    `default` says whether an Accept without a transfer-syntax parameter means it, `stored` whether
    `transfer-syntax=*` does. Media types that know no transfer syntax leave all three alone.
    """

    media_type: str
    multipart: bool = False
    transfer_syntax: str = ""
    default: bool = True
    stored: bool = True

    def __str__(self) -> str:
        parameter = f"; transfer-syntax={self.transfer_syntax}" if self.transfer_syntax else ""
        if self.multipart:
            return f'multipart/related; type="{self.media_type}"{parameter}'
        return f"{self.media_type}{parameter}"

    @property
    def compressed(self) -> bool:
        """Whether a codec has already made the content small."""
        return self.transfer_syntax not in ("", EXPLICIT_LITTLE) or self.media_type.startswith(("image/", "video/"))

    @property
    def content_type(self) -> str:
        """The Content-Type of the single part, or of each part."""
        parameter = f"; transfer-syntax={self.transfer_syntax}" if self.transfer_syntax else ""
        return f"{self.media_type}{parameter}"


# Several data sets in XML are one part each (PS3.18 8.7.3.2). Who asks for the media type alone gets them too: there is
# no other answer, and many clients write it so.
METADATA: Final = (Representation(DICOM_JSON), Representation(DICOM_XML, multipart=True), Representation(DICOM_XML))
STORE_RESPONSE: Final = (Representation(DICOM_JSON), Representation(DICOM_XML))
# PS3.18 table 8.7.4-1, and the types of encapsulated documents; which of them an instance has depends on what it is.
_RENDERED: Final = (
    *("image/jpeg", "image/png", "image/gif", "text/html", "text/plain", "application/pdf", "text/xml"),
    *("model/stl", "model/obj", "model/mtl", "video/mp4", "video/mpeg"),
)
RENDERED: Final = tuple(Representation(one, multipart) for multipart in (False, True) for one in _RENDERED)
BULK_DATA: Final = (Representation(OCTET_STREAM, multipart=True), Representation(OCTET_STREAM))


def is_video(transfer_syntax: str) -> bool:
    """Whether pixels in `transfer_syntax` are a video stream, which exists in lossy form only."""
    return FRAME_MEDIA_TYPES.get(transfer_syntax, "").startswith("video/")


@lru_cache(maxsize=256)
def instance_representations(stored: str, made: tuple[str, ...] = (), *, single: bool) -> tuple[Representation, ...]:
    """What is on offer for an instance kept in the transfer syntax `stored`, preferred first (PS3.18 8.7.3.2).

    The default is Explicit VR Little Endian, except for video, which we have "only in lossy compressed form". `made`
    are the transfer syntaxes that it can be encoded in when they are asked for by name. `single` adds the single part
    form, which is for one instance only.
    """
    explicit = Representation(DICOM, True, EXPLICIT_LITTLE, stored=stored in NEVER_SENT | {EXPLICIT_LITTLE})
    as_stored = Representation(DICOM, True, stored, default=is_video(stored))
    if is_video(stored):
        offers: tuple[Representation, ...] = (as_stored,)
    elif explicit.stored:
        offers = (explicit,)
    else:
        offers = (explicit, as_stored)
    offers += tuple(Representation(DICOM, True, uid, default=False, stored=False) for uid in made if uid != stored)
    return offers + _singles(offers) if single else offers


@lru_cache(maxsize=256)
def frame_representations(stored: str, made: tuple[str, ...] = (), *, single: bool) -> tuple[Representation, ...]:
    """What is on offer for frames kept in the transfer syntax `stored`, preferred first (tables 8.7.3-4 and -5).

    A media type without a transfer syntax means, of the codestreams of that type, the stored one, else the default
    of table 8.7.3-5 if it is among those that are `made`.
    """
    if stored in NATIVE:
        offers: tuple[Representation, ...] = (Representation(OCTET_STREAM, True, EXPLICIT_LITTLE),)
    else:
        video = is_video(stored)
        as_stored = (
            Representation(FRAME_MEDIA_TYPES.get(stored, OCTET_STREAM), True, stored),
            Representation(OCTET_STREAM, True, stored, default=video),
        )
        decoded = Representation(OCTET_STREAM, True, EXPLICIT_LITTLE, stored=False)
        offers = as_stored if video else (decoded, *as_stored)
    for uid in (uid for uid in made if uid != stored):
        own, default = FRAME_MEDIA_TYPES[uid], uid in _DEFAULTS
        offers += (
            Representation(own, True, uid, default, False),
            Representation(OCTET_STREAM, True, uid, False, False),
        )
    return offers + _singles(offers) if single else offers


def _singles(offers: tuple[Representation, ...]) -> tuple[Representation, ...]:
    return tuple(
        Representation(offer.media_type, False, offer.transfer_syntax, offer.default, offer.stored) for offer in offers
    )
