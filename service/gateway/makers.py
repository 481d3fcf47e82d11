"""Makers: one firm is one manufacturer, however a device spells it. A firm that took over another is not another spelling of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

MAKERS: Final[Mapping[str, str]] = {
    "AGFA": "AGFA",
    "ALLENGERS": "ALLENGERS",
    "ARCOMA": "ARCOMA",
    "CANON": "CANON",
    "CARESTREAM": "CARESTREAM",
    "DEL MEDICAL": "DEL MEDICAL",
    "DR GEM": "DRGEM",
    "DRGEM": "DRGEM",
    "EASTMAN KODAK": "KODAK",
    "FUJI": "FUJIFILM",
    "FUJIFILM": "FUJIFILM",
    "GE": "GE",
    "GEMS": "GE",
    "GENERAL ELECTRIC": "GE",
    "GMM": "GMM",
    "HITACHI": "HITACHI",
    "HOLOGIC": "HOLOGIC",
    "IMAGING DYNAMICS": "IMAGING DYNAMICS",
    "ITALRAY": "ITALRAY",
    "KODAK": "KODAK",
    "KONICA": "KONICA MINOLTA",
    "KONICAMINOLTA": "KONICA MINOLTA",
    "LISTEM": "LISTEM",
    "LODOX": "LODOX",
    "LORAD": "LORAD",
    "MINDRAY": "MINDRAY",
    "MINOLTA": "KONICA MINOLTA",
    "NEUSOFT": "NEUSOFT",
    "OLDELFT": "OLDELFT",
    "PERKINELMER": "PERKINELMER",
    "PHILIPS": "PHILIPS",
    "PRIMAX": "PRIMAX",
    "RAYENCE": "RAYENCE",
    "SAMSUNG": "SAMSUNG",
    "SEDECAL": "SEDECAL",
    "SHIMADZU": "SHIMADZU",
    "SIEMENS": "SIEMENS",
    "STEPHANIX": "STEPHANIX",
    "SWISSRAY": "SWISSRAY",
    "THALES": "THALES",
    "TOSHIBA": "TOSHIBA",
    "TRIXELL": "TRIXELL",
    "UNITED IMAGING": "UNITED IMAGING",
    "VAREX": "VAREX",
    "VARIAN": "VARIAN",
    "VATECH": "VATECH",
    "VIDAR": "VIDAR",
    "VIEWORKS": "VIEWORKS",
    "VILLA": "VILLA",
    "WANDONG": "WANDONG",
}
"""What a manufacturer's spelling begins with, in one word or two -> the firm."""

FORMS: Final = frozenset(
    [
        "AB",
        "AG",
        "AS",
        "BV",
        "CO",
        "COMPANY",
        "CORP",
        "CORPORATION",
        "GMBH",
        "INC",
        "INCORPORATED",
        "KG",
        "KK",
        "LIMITED",
        "LLC",
        "LTD",
        "NV",
        "OY",
        "PLC",
        "PTY",
        "SA",
        "SL",
        "SPA",
        "SRL",
    ]
)
"""Forms of a company, which one device writes and the next leaves out."""
WORD: Final = re.compile(r"[^\W_]+")


def maker(value: str) -> str | None:
    """The firm; of one that is not on the list the words of its name, without its form.

    >>> maker("SIEMENS Healthineers"), maker("Siemens"), maker("GE Healthcare"), maker("Philips Medical Systems, Inc.")
    ('SIEMENS', 'SIEMENS', 'GE', 'PHILIPS')
    >>> maker("Acme  Imaging, Inc."), maker("ACME_IMAGING"), maker(" ")
    ('ACME IMAGING', 'ACME IMAGING', None)
    """
    words = WORD.findall(value.upper())
    for count in (1, 2):
        firm = MAKERS.get(" ".join(words[:count]))
        if firm is not None:
            return firm
    return " ".join([word for word in words if word not in FORMS] or words) or None
