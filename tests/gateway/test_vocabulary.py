"""What somebody typed is kept only where it is a word of the standard, of an operator, or of many patients; a drift shows all the same."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from service.domain import AttributeValue
from service.gateway.attributes import ALLOWED, TOKENS, word_of
from service.gateway.database import Database
from service.gateway.makers import MAKERS
from service.gateway.terms import TERMS
from service.gateway.vocabulary import DEVICE, MOST_CANDIDATES, PATIENTS, Vocabulary, other
from service.models.features import CATEGORICAL
from service.models.manifest import Accepts
from service.store.devices import Device, Sighting, devices_of, record_sightings
from service.store.words import Source, Word, decide, words
from tests.gateway.images import make_attributes
from tests.gateway.remembering import make_last_known
from tests.leaks import PEOPLE
from tests.store.builders import AT

KEY = b"k" * 32
MODEL = "ManufacturerModelName"


def spelled(
    vocabulary: Vocabulary, keyword: str, word: str, patient: bytes | None = None, accepts: Accepts | None = None
) -> AttributeValue:
    return vocabulary.spell(make_attributes(**{keyword: word}), patient, accepts or Accepts())[keyword]


def seen(vocabulary: Vocabulary, keyword: str, word: str, patients: int) -> AttributeValue:
    """What is kept of the last of films of so many patients."""
    return [spelled(vocabulary, keyword, word, bytes([number])) for number in range(patients)][-1]


def test_every_text_attribute_has_its_rule() -> None:
    assert {*TERMS, *DEVICE, *TOKENS} == set(CATEGORICAL)
    assert set(CATEGORICAL) < {attribute.keyword for attribute in ALLOWED}


@pytest.mark.parametrize("keyword", CATEGORICAL)
def test_no_name_that_is_typed_into_an_attribute_is_kept(keyword: str) -> None:
    vocabulary = Vocabulary(KEY)
    for name in PEOPLE.values():
        word = word_of(keyword, name)
        for patient in (None, b"1", b"2"):
            kept = str(spelled(vocabulary, keyword, word or "", patient))
            assert not any(part.upper() in kept.upper() for part in name.split("^"))


def test_the_words_of_the_standard_are_kept() -> None:
    vocabulary = Vocabulary(KEY)
    for keyword, terms in TERMS.items():
        for term in terms:
            assert word_of(keyword, term) == term
            assert spelled(vocabulary, keyword, term) == term


def test_the_same_word_is_the_same_category_and_only_the_key_leads_back() -> None:
    first, second, foreign = Vocabulary(KEY), Vocabulary(KEY), Vocabulary(b"K" * 32)
    kept = spelled(first, "BodyPartExamined", "ZIMMERMANN")
    assert kept == spelled(second, "BodyPartExamined", "ZIMMERMANN") == other(KEY, "BodyPartExamined", "ZIMMERMANN")
    assert kept != spelled(foreign, "BodyPartExamined", "ZIMMERMANN")
    assert kept != spelled(first, "ViewPosition", "ZIMMERMANN")


def test_a_coded_attribute_takes_no_word_from_patients_but_one_from_the_manifest() -> None:
    vocabulary = Vocabulary(KEY)
    assert seen(vocabulary, "BodyPartExamined", "ROOM SEVEN", PATIENTS + 1) == other(KEY, "BodyPartExamined", "ROOM SEVEN")
    assert spelled(vocabulary, "BodyPartExamined", "ROOM SEVEN", accepts=Accepts(body_part=("CHEST", "ROOM SEVEN"))) == "ROOM SEVEN"


@pytest.mark.parametrize("keyword", DEVICE)
def test_the_name_of_a_device_is_kept_once_many_patients_share_it(keyword: str) -> None:
    vocabulary = Vocabulary(KEY)
    assert seen(vocabulary, keyword, "RADIANT 5", PATIENTS - 1) == other(KEY, keyword, "RADIANT 5")
    assert {spelled(vocabulary, keyword, "RADIANT 5", patient) for patient in (None, bytes([0]))} == {other(KEY, keyword, "RADIANT 5")}
    assert spelled(vocabulary, keyword, "RADIANT 5", b"another") == "RADIANT 5"
    assert spelled(vocabulary, keyword, "RADIANT 5", None) == "RADIANT 5"


@pytest.mark.parametrize(
    ("spelling", "firm"),
    [
        ("SIEMENS", "SIEMENS"),
        ("Siemens Healthineers", "SIEMENS"),
        ("Siemens-Healthineers AG", "SIEMENS"),
        ("GE MEDICAL SYSTEMS", "GE"),
        ('"GE Healthcare"', "GE"),
        ("General Electric Company", "GE"),
        ("FUJI PHOTO FILM Co., ltd.", "FUJIFILM"),
        ("Philips Medical Systems", "PHILIPS"),
        ("KONICA MINOLTA", "KONICA MINOLTA"),
        ("Carestream Health, Inc.", "CARESTREAM"),
        ("Eastman Kodak Company", "KODAK"),
    ],
)
def test_a_firm_is_one_maker_however_it_is_spelled(spelling: str, firm: str) -> None:
    assert word_of("Manufacturer", spelling) == firm
    assert spelled(Vocabulary(KEY), "Manufacturer", firm) == firm
    assert firm in MAKERS.values()


def test_made_up_words_push_each_other_out_and_no_word_that_is_known() -> None:
    vocabulary = Vocabulary(KEY)
    assert seen(vocabulary, MODEL, "RADIANT 5", PATIENTS) == "RADIANT 5"
    for number in range(MOST_CANDIDATES + 100):
        spelled(vocabulary, MODEL, f"MADE UP {number}", b"1")
    assert len(vocabulary._seen) <= MOST_CANDIDATES + 1
    assert spelled(vocabulary, MODEL, "RADIANT 5") == "RADIANT 5"


def refreshed(engine: Engine, *vocabularies: Vocabulary) -> None:
    async def run() -> None:
        database = Database(engine, links=1)
        for vocabulary in vocabularies:
            await vocabulary.refresh(database, make_last_known())
        await database.close()

    asyncio.run(run())


def test_what_one_gateway_accepted_the_others_know_and_the_register_of_devices_too(engine: Engine) -> None:
    here, there = Vocabulary(KEY), Vocabulary(KEY)
    unnamed = Device("chest", "main", "ACME", other(KEY, MODEL, "RADIANT 5"), "3.1", "9f2c")
    named = Device("chest", "main", "ACME", "RADIANT 5", "3.1", "9f2c")
    with engine.begin() as connection:
        record_sightings(connection, [Sighting(unnamed, AT, AT, 4), Sighting(named, AT + timedelta(hours=1), AT + timedelta(hours=1), 1)])
    seen(here, MODEL, "RADIANT 5", PATIENTS)
    refreshed(engine, here, there)
    assert spelled(there, MODEL, "RADIANT 5") == "RADIANT 5"
    with engine.connect() as connection:
        (device,) = devices_of(connection, "chest", 10)
        (word,) = words(connection)
    assert device.sighting == Sighting(named, AT, AT + timedelta(hours=1), 5)
    assert (word.word, word.source, word.accepted) == ("RADIANT 5", Source.PATIENTS, True)


def test_what_an_operator_withdrew_no_number_of_patients_brings_back(engine: Engine) -> None:
    vocabulary = Vocabulary(KEY)
    seen(vocabulary, MODEL, "DR SMITH", PATIENTS)
    refreshed(engine, vocabulary)
    with engine.begin() as connection:
        decide(connection, Word(MODEL, "DR SMITH", other(KEY, MODEL, "DR SMITH"), Source.OPERATOR, accepted=False, at=AT))
    again = Vocabulary(KEY)
    refreshed(engine, vocabulary, again)
    for one in (vocabulary, again):
        assert seen(one, MODEL, "DR SMITH", 3 * PATIENTS) == other(KEY, MODEL, "DR SMITH")
