"""Whether the model was made for a film of this kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from service.domain import AttributeValue
from service.errors import OutOfScopeError
from service.models.manifest import Accepts
from service.models.scope import Outside

SPOKEN: Final[Mapping[Outside, str]] = {
    Outside.QUALITY_CONTROL: "The instance is an image of a phantom or for quality control, not of a patient.",
    Outside.LOCALIZER: "The instance is a localizer.",
    Outside.SECONDARY_CAPTURE: "The instance is a secondary capture, not what a modality made; a model that reads such says so in its manifest.",
}


def check_scope(accepts: Accepts, attributes: Mapping[str, AttributeValue], natures: Sequence[Outside] = ()) -> None:
    """Pass, or raise OutOfScopeError that names the attribute (never its value) for which the film is refused."""
    for nature in natures:
        if nature not in accepts.also:
            raise OutOfScopeError(SPOKEN[nature], attribute=nature)
    for outside, what, accepted, keyword in (
        (Outside.MODALITY, "modality", accepts.modality, "Modality"),
        (Outside.BODY_PART, "body part", accepts.body_part, "BodyPartExamined"),
        (Outside.VIEW, "view", accepts.view, "ViewPosition"),
        (Outside.INTENT, "presentation intent", accepts.intent, "PresentationIntentType"),
    ):
        _check_code(outside, what, accepted, attributes[keyword], missing=accepts.missing)
    _check_age(accepts, attributes["PatientAge"])


def _check_code(outside: Outside, what: str, accepted: Sequence[str], value: AttributeValue, *, missing: bool) -> None:
    if not accepted or value in accepted:
        return
    if value is not None:
        raise OutOfScopeError(f"The model was not made for films of this {what}.", attribute=outside)
    if not missing:
        raise OutOfScopeError(f"The model asks for the {what}, and the film does not say it.", attribute=outside)


def _check_age(accepts: Accepts, age: AttributeValue) -> None:
    if accepts.age_years is None:
        return
    if not isinstance(age, float):
        if not accepts.missing:
            raise OutOfScopeError("The model asks for the age, and the film does not say it.", attribute=Outside.AGE)
        return
    low, high = accepts.age_years
    if not low <= age <= high:
        raise OutOfScopeError("The model was not made for patients of this age.", attribute=Outside.AGE)
