"""Words of study and series descriptions other than regions, in German and English, as radiographers type them.

What a description means is taken from it only when every one of its words stands here or among the regions.
"""

from enum import Enum, auto
from typing import Final

from gateway.pages.words.anatomy import REGIONS


class Sort(Enum):
    """What a word tells of: `NOISE` is known and tells a patient nothing."""

    REGION = auto()
    SIDE = auto()
    CONTRAST = auto()
    KIND = auto()
    PLANE = auto()
    VIEW = auto()
    MODALITY = auto()
    NOISE = auto()


_WORDS: Final[dict[Sort, dict[str, str]]] = {
    Sort.SIDE: {
        "L": "li, links, linke, linker, linkes, left, lt",
        "R": "re, rechts, rechte, rechter, rechtes, right, rt",
        "B": "bds, beidseits, beide, beidseitig, bilateral, both, li re, re li, li und re, re und li",
    },
    Sort.CONTRAST: {
        "without": "nativ, ohne km, ohne kontrastmittel, ohne kontrast, wo contrast, w o contrast, without contrast, "
        "noncontrast, non contrast, wo ivcon, wo cont, unenhanced",
        "with": "km, mit km, mit kontrastmittel, mit kontrast, kontrastmittel, with contrast, w contrast, w ivcon, iv "
        "km, post km, nach km, gd, mit gd, ce",
        "both": "nativ und km, nativ und mit km, ohne und mit km, ohne und mit kontrastmittel, with and without "
        "contrast, w wo contrast, wwo contrast, without and with contrast, nativ km",
    },
    Sort.KIND: {
        "T1": "t1, t1w",
        "T2": "t2, t2w",
        "PD": "pd, pdw",
        "FLAIR": "flair, tirm dark fluid, dark fluid",
        "STIR": "stir, tirm",
        "DWI": "dwi, diffusion, diff",
        "ADC": "adc, apparent diffusion coefficient",
        "SWI": "swi, swan",
        "TOF": "tof",
        "LOCALIZER": "localizer, localiser, lokalizer, topogramm, topogram, topo, scout, scanogram, survey, pilot, "
        "übersicht, surview",
        "LUNG": "lungenfenster, lung window, lungenkern",
        "BONE": "knochen, knochenfenster, bone, bone window, knochenkern",
        "SOFT": "weichteil, weichteile, weichteilfenster, wt, soft tissue, soft tissues, weichteilkern",
    },
    Sort.PLANE: {
        "AXIAL": "ax, axial, tra, trans, transversal, transverse, axiale",
        "CORONAL": "cor, kor, coronal, koronar, coronar, frontal",
        "SAGITTAL": "sag, sagittal",
    },
    Sort.VIEW: {
        "FRONT": "pa, ap, dp, pa ap",
        "SIDE": "lat, lateral, seitlich, seitl",
        "TWO": "2 ebenen, in 2 ebenen, zwei ebenen, 2 views, 2e",
    },
    Sort.MODALITY: {
        "CT": "ct, computertomographie, computertomografie, cta",
        "MR": "mr, mrt, mri, magnetresonanztomographie, kernspin, mra",
        "XRAY": "rö, roe, röntgen, roentgen, xr, xray, x ray, aufnahme, röntgenaufnahme, crx",
        "US": "us, sono, sonographie, sonografie, ultraschall, ultrasound, b bild, echo",
        "MG": "mg, mammographie, mammografie, mammography",
        "NM": "szinti, szintigraphie, nm, scintigraphy, skelettszintigraphie",
        "PT": "pet",
    },
    Sort.NOISE: {
        "": "und, and, mit, in, im, der, des, die, the, u, tse, fse, se, gre, ffe, fl2d, fl3d, spc, space, vibe, "
        "mprage, haste, trufi, ep2d, epi, blade, propeller, fs, fatsat, fat sat, spair, spir, dixon, dess, "
        "2d, 3d, iso, nd, rst, mm, cm, s, routine, std, standard, protokoll, protocol, serie, series, angio, "
        "angiographie, venös, venoes, venous, arteriell, arterial, portalvenös, portal, spiral, helical, "
        "helix, sequenz, dünnschicht, thin, mpr, min, views, view, comp, complete, stehend, liegend, "
        "standing, supine, gehalten, kontrolle, verlauf, ebenen, untersuchung, study, exam, low dose, "
        "lowdose, iv, i v, reko, recon",
    },
}

# Letters that mean a side only where a description ends with them: "Knie R".
LAST: Final = {"l": "L", "r": "R"}

# "PA" is also the pulmonary artery, and "lat" a muscle: only plain X-rays are seen from somewhere.
FOR_MODALITIES: Final = {Sort.VIEW: frozenset({"CR", "DX", "RG", "RF"})}

MODALITIES: Final = {
    "CT": {"CT"},
    "MR": {"MR"},
    "XRAY": {"CR", "DX", "RG", "RF", "XA", "MG", "IO", "PX"},
    "US": {"US", "IVUS"},
    "MG": {"MG"},
    "NM": {"NM", "PT", "ST"},
    "PT": {"PT", "CT", "MR"},
}
"""Which modalities a written one agrees with."""

PHRASES: Final[dict[tuple[str, ...], tuple[Sort, str]]] = {
    tuple(phrase.split()): (sort, value)
    for sort, values in (
        (Sort.REGION, {region.key: ", ".join(region.written) for region in REGIONS}),
        *_WORDS.items(),
    )
    for value, phrases in values.items()
    for phrase in phrases.split(", ")
}
LONGEST: Final = max(map(len, PHRASES))
