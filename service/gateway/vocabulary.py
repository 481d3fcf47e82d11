"""Vocabulary: which words of a film are kept as they are, and which as a keyed category, since anybody may type anything anywhere.

The rule, for every attribute that is text:

- A coded attribute (TERMS) is kept as it is when it says a term of the standard, a word that the model's manifest accepts, or one that
  an operator accepted (`stepwedge words accept`).
- The name of a device (DEVICE: maker, model, software) is kept when its maker is one that is known (makers.py), when an operator
  accepted it, or once it was seen on films of PATIENTS different patients: what that many share names none of them.
- Anything else becomes OTHER- and eight digits of its keyed pseudonym: the same word is the same category, so a drift shows all the same,
  and nobody without the key can go back. Stations, serial numbers and detectors (TOKENS) are always pseudonyms.

A word that was accepted is known to every gateway within POLL_S. What was recorded before stays as it was; the register of devices follows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from threading import Lock
from typing import Final

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from service.domain import AttributeValue
from service.errors import UnavailableError
from service.gateway.attributes import TOKENS
from service.gateway.database import Database
from service.gateway.last_known import LastKnown
from service.gateway.makers import MAKERS
from service.gateway.pseudonym import TOKEN_BYTES, pseudonym
from service.gateway.terms import TERMS
from service.models.manifest import Accepts
from service.store.words import Source, Word, accept_words, rename_devices, words

DEVICE: Final = ("Manufacturer", "ManufacturerModelName", "SoftwareVersions")
KEYWORDS: Final = (*TERMS, *DEVICE, *sorted(TOKENS))
PATIENTS: Final = 5
POLL_S: Final = 5.0
MOST_CANDIDATES: Final = 2000
"""Words that wait for their patients; made-up ones push the oldest out, and fill no memory."""
MOST_KEPT: Final = 4000
OTHER_BYTES: Final = 4
DECLARED: Final[Mapping[str, str]] = {
    "Modality": "modality",
    "BodyPartExamined": "body_part",
    "ViewPosition": "view",
    "PresentationIntentType": "intent",
}
"""Where a manifest's words for an attribute are."""
NOTHING: Final = Accepts()

log = structlog.get_logger()


def other(key: bytes, keyword: str, word: str) -> str:
    """The category of a word that is not kept as it is.

    >>> other(b"k" * 32, "BodyPartExamined", "ZIMMERMANN")
    'OTHER-772DCF7C'
    """
    return f"OTHER-{pseudonym(key, keyword, word)[:OTHER_BYTES].hex().upper()}"


class Vocabulary:
    """The words that are kept. `spell` may come from any thread and is a look-up for each attribute; the rest lives on the event loop."""

    def __init__(self, key: bytes) -> None:
        """What operators and patients accepted is known after the first `refresh`.

        Args:
            key: Key of the pseudonyms.
        """
        self._key = key
        self._guard = Lock()
        self._known: dict[str, frozenset[str]] = {**dict.fromkeys(DEVICE, frozenset()), **TERMS, "Manufacturer": frozenset(MAKERS.values())}
        self._withdrawn: dict[str, frozenset[str]] = {}
        self._seen: dict[tuple[str, str], set[bytes]] = {}
        self._kept: dict[tuple[str, str], str] = {}
        self._new: list[Word] = []
        self._recalled = True

    def spell(
        self, attributes: Mapping[str, AttributeValue], patient: bytes | None, accepts: Accepts = NOTHING
    ) -> dict[str, AttributeValue]:
        """The attributes as they may be stored.

        Args:
            attributes: As the film says them, normalised.
            patient: Pseudonym of the film's patient, if it names one.
            accepts: What the model's manifest declares.
        """
        spelled = dict(attributes)
        for keyword in KEYWORDS:
            word = spelled.get(keyword)
            if isinstance(word, str):
                known = self._known.get(keyword, ())
                spelled[keyword] = word if word in known else self._unknown(keyword, word, patient, accepts)
        return spelled

    def _unknown(self, keyword: str, word: str, patient: bytes | None, accepts: Accepts) -> str:
        if keyword in DECLARED and word in getattr(accepts, DECLARED[keyword]):
            return word
        if keyword in DEVICE and patient is not None and self._is_shared(keyword, word, patient):
            return word
        kept = self._kept.get((keyword, word))
        if kept is None:
            kept = pseudonym(self._key, keyword, word)[:TOKEN_BYTES].hex() if keyword in TOKENS else other(self._key, keyword, word)
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._kept[keyword, word] = kept
        return kept

    def _is_shared(self, keyword: str, word: str, patient: bytes) -> bool:
        """Whether enough patients have it now; if so, it is accepted."""
        with self._guard:
            patients = self._seen.setdefault((keyword, word), set())
            patients.add(patient)
            if len(patients) < PATIENTS:
                if len(self._seen) > MOST_CANDIDATES:
                    del self._seen[next(iter(self._seen))]
                return False
            if word in self._withdrawn.get(keyword, ()):
                patients.pop()
                return False
            del self._seen[keyword, word]
            self._known[keyword] |= {word}
            self._new.append(Word(keyword, word, other(self._key, keyword, word), Source.PATIENTS, accepted=True, at=datetime.now(UTC)))
            return True

    def learn(self, found: Sequence[Word]) -> None:
        """Take over what is accepted and what is withdrawn."""
        with self._guard:
            fresh = {(word.keyword, word.word) for word in self._new}
            for keyword in (*TERMS, *DEVICE):
                standard = frozenset(MAKERS.values()) if keyword == "Manufacturer" else TERMS.get(keyword, frozenset())
                accepted = {one.word for one in found if one.keyword == keyword and one.accepted}
                self._known[keyword] = standard | accepted | {word for name, word in fresh if name == keyword}
                self._withdrawn[keyword] = frozenset(one.word for one in found if one.keyword == keyword and not one.accepted)

    async def watch(self, database: Database, last_known: LastKnown) -> None:
        """Keep in step with Postgres until cancelled; while it is away the words that are known, or were known last, go on."""
        while True:
            try:
                await self.refresh(database, last_known)
            except UnavailableError:
                if self._recalled and (known := await asyncio.to_thread(last_known.recall)) is not None:
                    self.learn(known.words)
            await asyncio.sleep(POLL_S)

    async def refresh(self, database: Database, last_known: LastKnown) -> None:
        """Tell Postgres what was accepted here, and learn what was elsewhere."""
        new = list(self._new)

        def work(connection: Connection) -> list[Word]:
            if new:
                accept_words(connection, new)
            rename_devices(connection)  # each time: what the register of devices adds up in memory comes later than the word
            return words(connection)

        try:
            found = await database.run(work)
        except SQLAlchemyError as error:
            log.warning("words_not_read", kind=type(error).__name__)
            return
        with self._guard:
            del self._new[: len(new)]
        self.learn(found)
        self._recalled = False
        last_known.heard(words=found)
