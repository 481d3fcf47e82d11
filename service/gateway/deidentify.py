"""Names become keyed pseudonyms, and words that are on no list keyed categories: nothing that leaves here names a person in clear."""

from __future__ import annotations

from collections.abc import Mapping

from service.domain import AttributeValue, Image, Pseudonyms
from service.gateway.pseudonym import pseudonym
from service.gateway.vocabulary import NOTHING, Vocabulary
from service.models.manifest import Accepts


def deidentify(
    image: Image, key: bytes, vocabulary: Vocabulary, accepts: Accepts = NOTHING
) -> tuple[Mapping[str, AttributeValue], Pseudonyms]:
    """Attributes as they may be kept, and the pseudonyms of who and what the film names."""
    who = image.identity
    pseudonyms = Pseudonyms(
        patient=_optional(key, "patient", who.patient),
        accession=_optional(key, "accession", who.accession),
        study=_optional(key, "study", who.study),
        series=_optional(key, "series", who.series),
        instance=_optional(key, "instance", who.instance),
    )
    return vocabulary.spell(image.attributes, pseudonyms.patient, accepts), pseudonyms


def _optional(key: bytes, kind: str, value: str | None) -> bytes | None:
    return None if value is None else pseudonym(key, kind, value)
