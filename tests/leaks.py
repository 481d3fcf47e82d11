"""What may never be found outside a film, in every spelling in which it could be written down; and films that carry it."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

from pydicom.dataelem import DataElement
from pydicom.uid import generate_uid

from service.models.features import CATEGORICAL
from tests.films import NAMES, make_dataset, phantom, write_film

READER: Final = "Dr. Reader-Readerson"
ORDER: Final = "order-of-PID-4711-0815"
BORN: Final = "19570413"
PRIVATE: Final = "private-of-Hr-Oktavian"
PEOPLE: Final = {
    "ISO_IR 100": "Grünewald^Jörgine",
    "ISO_IR 192": "Žižková^Světluše",
    "ISO_IR 126": "Παπαδοπούλου^Ευγενία",
    "ISO_IR 144": "Люксембург^Аграфена",
    "ISO_IR 13": "ﾔﾏﾀﾞｼﾛ^ﾀﾛｳｻﾞ",
}
"""Names by the character set that their film declares."""

TEXTS: Final = {
    "ReferringPhysicianName": "Quacksalver^Leopoldine",
    "PerformingPhysicianName": "Strahlemann^Ottokar",
    "OperatorsName": "Knipser^Walburga",
    "InstitutionAddress": "Geheimgasse 17, Bergen",
    "InstitutionalDepartmentName": "Station Wolkenheim",
    "StudyDescription": "thorax of Agathe Zimmermann",
    "ImageComments": "fell from the blue ladder",
    "PatientComments": "afraid of lifts",
    "AdditionalPatientHistory": "pneumonectomy in Timbuktu",
    "PatientAddress": "Schattenweg 9",
    "PatientTelephoneNumbers": "+47 5555 0815",
    "OtherPatientIDs": "OTHER-424242",
    "StudyID": "STUDY-ID-31337",
    "RequestingPhysician": "Anfrage^Kunigunde",
    "DeviceUID": "1.2.826.0.1.3680043.8.498.31337.1",
    "PatientBirthDate": BORN,
}
TYPED: Final = sorted({*CATEGORICAL} - {"Modality", "PhotometricInterpretation"})
"""A name as modality or colour is a reason to refuse the film."""
CHARSETS: Final = {"ISO_IR 100": "latin-1", "ISO_IR 126": "iso8859-7", "ISO_IR 144": "iso8859-5", "ISO_IR 13": "shift_jis"}


class Corpus:
    """Films of people of many tongues, and what names them."""

    def __init__(self) -> None:
        self.uids: set[str] = {TEXTS["DeviceUID"]}
        self.values: set[str] = {*NAMES, *TEXTS.values(), READER, ORDER, PRIVATE, *PEOPLE.values()}
        self.values |= {part for name in PEOPLE.values() for part in name.split("^")}
        self._seed = 0

    def film(self, charset: str = "ISO_IR 100", typed: Mapping[str, str] | None = None, **attributes: object) -> bytes:
        """The next film, of a person whose name is written in this character set; `typed` is text as anybody may type it anywhere."""
        self._seed += 1
        named = {name: generate_uid() for name in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")}
        self.uids |= set(map(str, named.values()))
        person = {"SpecificCharacterSet": charset, "PatientName": PEOPLE[charset]}
        dataset = make_dataset(phantom(seed=self._seed), **{**TEXTS, **named, **person, **attributes})
        for keyword, word in (typed or {}).items():
            raw = word.encode(CHARSETS.get(charset, "utf-8"))
            dataset[keyword] = DataElement(keyword, "OB", raw + b" " * (len(raw) % 2))  # pydicom would not write it as text
        block = dataset.private_block(0x0009, "ACME OF HR OKTAVIAN", create=True)
        block.add_new(0x01, "LO", PRIVATE)
        return write_film(dataset)

    def films(self) -> list[bytes]:
        return [self.film(charset) for charset in PEOPLE]

    def typed(self) -> list[bytes]:
        """Films on which somebody typed the patient's name into every attribute that is text."""
        return [
            self.film(charset, dict.fromkeys(TYPED, name.replace("^", between)))
            for charset, name in PEOPLE.items()
            for between in ("^", " ")
        ]

    def leaked(self, places: Iterable[tuple[str, bytes]], *, uids: bool = True) -> list[tuple[str, str]]:
        """Where which value is found, in whatever spelling; without `uids` in places where the standard demands those."""
        wanted = self.values | (self.uids if uids else set())
        spelled = {value: frozenset(spellings(value)) for value in wanted}
        return [(place, value) for place, said in places for value, ways in spelled.items() if written(ways, said)]


def written(ways: Iterable[bytes], said: bytes) -> bool:
    lower = said.lower()
    return any(way in said or way.lower() in lower for way in ways)


def spellings(value: str) -> Iterator[bytes]:
    """As it is, escaped, percent-encoded; and its bytes in each character set, themselves, in hex and in base64."""
    yield from (value.encode(), json.dumps(value)[1:-1].encode(), quote(value).encode(), quote(value, safe="").encode())
    if value.upper() != value:
        yield from spellings(value.upper())
    for codec in ("utf-8", *CHARSETS.values()):
        try:
            raw = value.encode(codec)
        except UnicodeEncodeError:
            continue
        misread = raw.decode("latin-1").encode()
        yield from (raw, misread, raw.hex().encode(), *in_base64(raw))


def in_base64(raw: bytes) -> Iterator[bytes]:
    """What stands there wherever in a longer text it begins: without the letters that its neighbours share."""
    for before in range(3):
        text = b64encode(bytes(before) + raw)
        yield text[(0, 2, 3)[before] : len(text) - (0, 3, 2)[(before + len(raw)) % 3]]


def files_of(folder: Path, *but: str) -> Iterator[tuple[str, bytes]]:
    """Every file below a folder, and every name; of those with these suffixes the name only."""
    for path in sorted(folder.rglob("*")):
        yield f"the name of {path.name}", path.relative_to(folder).as_posix().encode()
        if path.is_file() and path.suffix not in but:
            yield str(path), path.read_bytes()
