"""Asked: of which finding, subgroup and stretch of time a number is wanted, and in which form."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Request
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from detectors.plan import ALL
from detectors.reference import Reference
from service.errors import UnknownPlaceError
from service.models.manifest import Manifest

CSV = "text/csv"
WRITTEN_OUT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]")
NO_REFERENCE = "the model has no reference yet"


def _written_out(value: object) -> object:
    """A number would be taken for seconds since 1970."""
    if not isinstance(value, str) or WRITTEN_OUT.match(value) is None:
        raise ValueError("a moment is written as in 2026-03-02T09:00:00Z")
    return value


class Period(BaseModel):
    """Days that end where films are old enough to have their labels (`label_maturity_days` before the last completed pass), or earlier."""

    model_config = ConfigDict(frozen=True)

    window: Annotated[int, Field(ge=1, le=3650, description="Length in days.", examples=[30])] = 30
    until: Annotated[
        Annotated[AwareDatetime, BeforeValidator(_written_out)] | None,
        Field(description="End, to the hour; by default, and at most, where labels are mature."),
    ] = None


class AskedFinding(Period):
    """One finding."""

    finding: Annotated[str | None, Field(max_length=200, description="The model's first one by default.", examples=["opacity"])] = None

    def finding_of(self, manifest: Manifest) -> str:
        """The finding that is meant.

        Raises:
            UnknownPlaceError: The model has none of this name.
        """
        if self.finding is not None and self.finding not in manifest.finding_names:
            raise UnknownPlaceError
        return self.finding or manifest.finding_names[0]


class Asked(AskedFinding):
    """One finding in one subgroup."""

    subgroup: Annotated[
        str, Field(max_length=200, description="`all`, attribute=value, or a declared pair of these.", examples=["site=north"])
    ] = ALL

    def cell_of(self, reference: Reference) -> str:
        """The cell that is meant.

        Raises:
            UnknownPlaceError: The reference knows no such subgroup.
        """
        if self.subgroup not in reference.cells:
            raise UnknownPlaceError
        return self.subgroup


def wants_csv(request: Request) -> bool:
    """Whether the caller would rather have a table."""
    return CSV in request.headers.get("accept", "")
