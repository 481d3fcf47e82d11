"""A model meets only the films it was made for."""

from __future__ import annotations

from typing import Any

import pytest

from service.domain import AttributeValue
from service.errors import OutOfScopeError
from service.gateway.scope import SPOKEN, check_scope
from service.models.manifest import Accepts
from service.models.scope import Outside
from tests.gateway.images import make_attributes

CHEST: dict[str, AttributeValue] = {
    "Modality": "DX",
    "BodyPartExamined": "CHEST",
    "ViewPosition": "PA",
    "PatientAge": 47.0,
    "PresentationIntentType": "FOR PRESENTATION",
}
ADULT_CHEST = {
    "modality": ("DX", "CR"),
    "body_part": ("CHEST",),
    "view": ("PA", "AP"),
    "age_years": (18.0, 90.0),
    "intent": ("FOR PRESENTATION",),
}


def accepted(accepts: dict[str, Any], **changes: AttributeValue) -> bool:
    try:
        check_scope(Accepts(**accepts), make_attributes(**{**CHEST, **changes}))
    except OutOfScopeError:
        return False
    return True


def test_a_film_of_the_kind_that_was_named_is_accepted() -> None:
    assert accepted(ADULT_CHEST)


@pytest.mark.parametrize(
    "change",
    [
        {"Modality": "MG"},
        {"BodyPartExamined": "HAND"},
        {"ViewPosition": "LL"},
        {"PatientAge": 17.9},
        {"PatientAge": 90.1},
        {"PresentationIntentType": "FOR PROCESSING"},
    ],
    ids=str,
)
def test_another_kind_is_out_of_scope(change: dict[str, AttributeValue]) -> None:
    assert not accepted(ADULT_CHEST, **change)
    assert accepted({}, **change)


@pytest.mark.parametrize("keyword", CHEST)
def test_a_film_that_does_not_say_is_accepted_unless_the_model_insists(keyword: str) -> None:
    assert accepted(ADULT_CHEST, **{keyword: None})
    assert not accepted({**ADULT_CHEST, "missing": False}, **{keyword: None})
    assert accepted({"missing": False}, **{keyword: None})


def test_the_refusal_names_the_attribute_and_never_its_value() -> None:
    with pytest.raises(OutOfScopeError, match="body part") as refusal:
        check_scope(Accepts(body_part=("CHEST",)), make_attributes(BodyPartExamined="DOE^JOHN"))
    assert "DOE" not in str(refusal.value)


@pytest.mark.parametrize(
    ("change", "attribute"),
    [
        ({"Modality": "MG"}, "modality"),
        ({"BodyPartExamined": "HAND"}, "body-part"),
        ({"ViewPosition": "LL"}, "view"),
        ({"PatientAge": 3.0}, "age"),
        ({"PresentationIntentType": "FOR PROCESSING"}, "intent"),
    ],
    ids=str,
)
def test_the_refusal_carries_the_attribute_for_the_record(change: dict[str, AttributeValue], attribute: str) -> None:
    with pytest.raises(OutOfScopeError) as refusal:
        check_scope(Accepts.model_validate(ADULT_CHEST), make_attributes(**{**CHEST, **change}))
    assert refusal.value.attribute == attribute


@pytest.mark.parametrize("nature", SPOKEN)
def test_what_no_model_was_made_for_is_refused_unless_the_manifest_names_it(nature: Outside) -> None:
    with pytest.raises(OutOfScopeError) as refusal:
        check_scope(Accepts(), make_attributes(), (nature,))
    assert refusal.value.attribute == nature
    check_scope(Accepts.model_validate({"also": (nature.value,)}), make_attributes(), (nature,))
