"""Regions of the body: how they are coded, how they are written, and which of them is a part of which.

Codes are SNOMED CT concepts of CID 4031 "Common Anatomic Region" and CID 4009 "DX Anatomy Imaged" (PS3.16) with the
SNOMED RT ids ("T-…") that devices wrote before; terms are those of Body Part Examined (PS3.16 annex L). The words are
those that radiographers type, in German and English, with their usual abbreviations.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Region:
    """A region; `key` is that of its text ("body.KEY"). `paired` says that there is a left and a right one."""

    key: str
    terms: tuple[str, ...]
    codes: tuple[str, ...]
    written: tuple[str, ...]
    inside: tuple[str, ...]
    paired: bool


def _region(key: str, codes: str, written: str, *, terms: str = "", inside: str = "", paired: bool = False) -> Region:
    phrases = tuple(phrase.strip() for phrase in written.split(","))
    return Region(key, (key, *terms.split()), tuple(codes.split()), phrases, tuple(inside.split()), paired)


REGIONS: Final = (
    _region("HEAD", "69536005 T-D1100", "kopf, head, neurokranium", inside="HEADNECK"),
    _region("SKULL", "89546000 T-11100", "schädel, schaedel, skull, cranium, kranium", inside="HEAD HEADNECK"),
    _region("BRAIN", "12738006 T-A0100", "gehirn, hirn, brain, cerebrum, cerebral", inside="HEAD SKULL HEADNECK"),
    _region("FACE", "89545001 T-D1200", "gesicht, face, gesichtsschädel, mittelgesicht, facial", inside="HEAD SKULL"),
    _region("SINUS", "2095001 T-22000", "nnh, nasennebenhöhlen, sinuses", terms="SINUSES", inside="HEAD SKULL FACE"),
    _region(
        "ORBIT", "363654007 T-D14AE", "orbita, orbit, orbits, augenhöhle, augenhöhlen", inside="HEAD FACE", paired=True
    ),
    _region("EYE", "81745001 T-AA000", "auge, augen, eye, eyes", inside="HEAD FACE ORBIT", paired=True),
    _region("JAW", "661005 T-D1213", "kiefer, jaw", inside="HEAD SKULL FACE"),
    _region("SELLA", "42575006 T-D1460", "sella, hypophyse, pituitary", inside="HEAD SKULL BRAIN"),
    _region("NECK", "45048000 T-D1600", "hals, neck, halsweichteile", inside="HEADNECK"),
    _region("HEADNECK", "774007 T-D1000", "kopf hals, head neck, head and neck, kopf und hals"),
    _region("THYROID", "69748006 T-B6000", "schilddrüse, schilddruese, thyroid", inside="NECK HEADNECK"),
    _region(
        "CAROTID",
        "69105007 T-45010",
        "carotis, karotis, carotiden, karotiden, carotid, carotids",
        inside="NECK HEADNECK",
    ),
    _region(
        "CSPINE", "122494005 T-11501", "hws, halswirbelsäule, c spine, cspine, cervical spine", inside="SPINE NECK"
    ),
    _region("TSPINE", "122495006 T-11502", "bws, brustwirbelsäule, t spine, tspine, thoracic spine", inside="SPINE"),
    _region("LSPINE", "122496007 T-11503", "lws, lendenwirbelsäule, l spine, lspine, lumbar spine", inside="SPINE"),
    _region("SPINE", "421060004 T-D04FF", "wirbelsäule, wirbelsaeule, ws, spine, ganzwirbelsäule, gws, whole spine"),
    _region("SACRUM", "54735007 T-11AD0", "kreuzbein, sacrum, os sacrum", inside="SPINE PELVIS"),
    _region(
        "SIJOINT",
        "39723000 T-15680",
        "isg, iliosakralgelenk, iliosakralgelenke, si joint, si joints",
        inside="PELVIS SPINE",
    ),
    _region("CHEST", "816094009 51185008 T-D3000", "thorax, thx, chest, brustkorb, cxr", terms="THORAX"),
    _region("LUNG", "39607008 T-28000", "lunge, lungen, lung, lungs", inside="CHEST"),
    _region(
        "HEART", "80891009 T-32000", "herz, heart, cardiac, kardio, echokardiographie, echocardiogram", inside="CHEST"
    ),
    _region("BREAST", "76752008 T-04000", "mamma, mammae, breast, breasts", inside="CHEST", paired=True),
    _region("RIB", "113197003 T-11300", "rippen, rippe, ribs, rib", terms="RIBS", inside="CHEST"),
    _region("STERNUM", "56873002 T-11210", "sternum, brustbein", inside="CHEST"),
    _region(
        "CLAVICLE",
        "51299004 T-12310",
        "clavicula, klavikula, clavicle, schlüsselbein",
        inside="SHOULDER CHEST",
        paired=True,
    ),
    _region("AORTA", "15825003 T-42000", "aorta", inside="CHEST ABDOMEN"),
    _region("ABDOMEN", "818981001 113345001 T-D4000", "abdomen, abd, bauch, abdominal"),
    _region("UPPERABDOMEN", "", "oberbauch, obb, upper abdomen", inside="ABDOMEN"),
    _region("LIVER", "10200004 T-62000", "leber, liver", inside="ABDOMEN UPPERABDOMEN"),
    _region("GALLBLADDER", "28231008 T-63000", "gallenblase, gallbladder", inside="ABDOMEN UPPERABDOMEN"),
    _region("PANCREAS", "15776009 T-65000", "pankreas, pancreas, bauchspeicheldrüse", inside="ABDOMEN UPPERABDOMEN"),
    _region("SPLEEN", "78961009 T-C3000", "milz, spleen", inside="ABDOMEN UPPERABDOMEN"),
    _region("STOMACH", "69695003 T-57000", "magen, stomach", inside="ABDOMEN UPPERABDOMEN"),
    _region("KIDNEY", "64033007 T-71000", "niere, nieren, kidney, kidneys", inside="ABDOMEN", paired=True),
    _region("COLON", "71854001 T-59300", "kolon, colon, dickdarm", inside="ABDOMEN"),
    _region("PELVIS", "816092008 12921003 T-D6000", "becken, pelvis, beckenübersicht, bül"),
    _region("BLADDER", "89837001 T-74000", "harnblase, blase, bladder", inside="PELVIS"),
    _region("PROSTATE", "41216001 T-92000", "prostata, prostate", inside="PELVIS"),
    _region("UTERUS", "35039007 T-83000", "uterus, gebärmutter", inside="PELVIS"),
    _region(
        "ABDOMENPELVIS", "818982008 R-FAB57", "abdomen becken, abdomen pelvis, abdomen and pelvis, abdomen und becken"
    ),
    _region(
        "CHESTABDOMEN", "416550000 R-FAB55", "thorax abdomen, chest abdomen, thorax und abdomen, chest and abdomen"
    ),
    _region("CHESTABDPELVIS", "416775004 R-FAB56", "thorax abdomen becken, chest abdomen pelvis"),
    _region("SHOULDER", "16982005 T-D2220", "schulter, schultergelenk, shoulder", inside="ARM EXTREMITY", paired=True),
    _region("SCAPULA", "79601000 T-12280", "scapula, skapula, schulterblatt", inside="SHOULDER", paired=True),
    _region(
        "HUMERUS",
        "40983000 85050009 T-12410 T-D8200",
        "oberarm, humerus, upper arm",
        inside="ARM EXTREMITY",
        paired=True,
    ),
    _region(
        "ELBOW",
        "16953009 T-15430",
        "ellenbogen, ellbogen, ellenbogengelenk, elbow",
        inside="ARM EXTREMITY",
        paired=True,
    ),
    _region("FOREARM", "14975008 T-D8500", "unterarm, forearm", inside="ARM EXTREMITY", paired=True),
    _region("WRIST", "74670003 T-15460", "handgelenk, wrist", inside="ARM HAND EXTREMITY", paired=True),
    _region("HAND", "85562004 T-D8700", "hand, hände, haende, hands", inside="ARM EXTREMITY", paired=True),
    _region("FINGER", "7569003 T-D8800", "finger, fingers", inside="HAND ARM EXTREMITY", paired=True),
    _region("THUMB", "76505004 T-D8810", "daumen, thumb", inside="FINGER HAND ARM EXTREMITY", paired=True),
    _region(
        "ARM", "53120007 T-D8000", "arm, arms, obere extremität", terms="UPPERLIMB", inside="EXTREMITY", paired=True
    ),
    _region(
        "HIP",
        "29836001 24136001 T-D2500 T-15710",
        "hüfte, huefte, hüftgelenk, hüften, hip, hips",
        inside="PELVIS LEG EXTREMITY",
        paired=True,
    ),
    _region(
        "THIGH",
        "68367000 71341001 T-D9100 T-12710",
        "oberschenkel, femur, thigh",
        terms="FEMUR",
        inside="LEG EXTREMITY",
        paired=True,
    ),
    _region("KNEE", "72696002 T-D9200", "knie, kniegelenk, knee, knees", inside="LEG EXTREMITY", paired=True),
    _region("PATELLA", "64234005 T-12730", "patella, kniescheibe", inside="KNEE LEG EXTREMITY", paired=True),
    _region(
        "LOWERLEG",
        "30021000 T-D9400",
        "unterschenkel, lower leg, tib fib",
        terms="TIBFIB TIBIA FIBULA",
        inside="LEG EXTREMITY",
        paired=True,
    ),
    _region("ANKLE", "70258002 T-15750", "osg, sprunggelenk, knöchel, ankle", inside="FOOT LEG EXTREMITY", paired=True),
    _region(
        "FOOT",
        "56459004 T-D9700",
        "fuß, fuss, füße, fuesse, vorfuß, vorfuss, foot, feet",
        inside="LEG EXTREMITY",
        paired=True,
    ),
    _region(
        "HEEL",
        "80144004 T-12770",
        "ferse, calcaneus, kalkaneus, heel",
        terms="CALCANEUS",
        inside="FOOT LEG EXTREMITY",
        paired=True,
    ),
    _region("TOE", "29707007 T-D9800", "zehe, zehen, großzehe, toe, toes", inside="FOOT LEG EXTREMITY", paired=True),
    _region(
        "LEG",
        "61685007 T-D9000",
        "bein, beine, leg, legs, untere extremität",
        terms="LOWERLIMB",
        inside="EXTREMITY",
        paired=True,
    ),
    _region("EXTREMITY", "66019005 T-D0300", "extremität, extremitäten, extremity", paired=True),
    _region("WHOLEBODY", "38266002 T-D0010", "ganzkörper, ganzkoerper, whole body, wholebody, total body"),
)

BY_KEY: Final = {region.key: region for region in REGIONS}
BY_TERM: Final = {term: region for region in REGIONS for term in region.terms}
BY_CODE: Final = {code: region for region in REGIONS for code in region.codes}


def is_part(one: str, other: str) -> bool:
    """Whether the region `one` is `other` or lies in it."""
    return one == other or other in BY_KEY[one].inside or other in _PARTS_OF_SUMS.get(one, ())


def is_paired(region: str) -> bool:
    """Whether the body has the region twice."""
    return BY_KEY[region].paired


_PARTS_OF_SUMS: Final = {
    **dict.fromkeys(("CHEST", "LUNG", "HEART"), ("CHESTABDOMEN", "CHESTABDPELVIS")),
    **dict.fromkeys(("ABDOMEN", "UPPERABDOMEN", "LIVER"), ("ABDOMENPELVIS", "CHESTABDOMEN", "CHESTABDPELVIS")),
    "PELVIS": ("ABDOMENPELVIS", "CHESTABDPELVIS"),
    "ABDOMENPELVIS": ("CHESTABDPELVIS",),
    "CHESTABDOMEN": ("CHESTABDPELVIS",),
}
"""Regions that have a name only together: what lies in them."""
