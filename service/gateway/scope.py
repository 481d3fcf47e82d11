"""Whether the model was made for a film of this kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from service.domain import AttributeValue
from service.errors import OutOfScopeError
from service.models.manifest import Accepts


def check_scope(accepts: Accepts, attributes: Mapping[str, AttributeValue]) -> None:
    """Pass, or raise OutOfScopeError that names the attribute (never its value) for which the film is refused."""
    _check_code("modality", accepts.modality, attributes["Modality"], missing=accepts.missing)
    _check_code("body part", accepts.body_part, attributes["BodyPartExamined"], missing=accepts.missing)
    _check_code("view", accepts.view, attributes["ViewPosition"], missing=accepts.missing)
    _check_age(accepts, attributes["PatientAge"])


def _check_code(what: str, accepted: Sequence[str], value: AttributeValue, *, missing: bool) -> None:
    if not accepted or value in accepted:
        return
    if value is not None:
        raise OutOfScopeError(f"The model was not made for films of this {what}.")
    if not missing:
        raise OutOfScopeError(f"The model asks for the {what}, and the film does not say it.")


def _check_age(accepts: Accepts, age: AttributeValue) -> None:
    if accepts.age_years is None:
        return
    if not isinstance(age, float):
        if not accepts.missing:
            raise OutOfScopeError("The model asks for the age, and the film does not say it.")
        return
    low, high = accepts.age_years
    if not low <= age <= high:
        raise OutOfScopeError("The model was not made for patients of this age.")
