"""What a statement about a film looks like when it is sent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from service.domain import Assessment, Tier
from service.gateway.label import reader_token
from service.gateway.pseudonym import pseudonym
from service.store.statements import Statement, Subject

EARLIEST, LATEST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)

FindingName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$", examples=["opacity"])]
Value = Annotated[
    float | None,
    Field(ge=0, le=1, allow_inf_nan=False, description="0 absent, 1 present; between them where it is a probability.", examples=[1]),
]
Source = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$", description="Where the statement comes from.", examples=["report"])
]
Standing = Annotated[
    Tier | None,
    Field(strict=False, description="How it came about; without it the tier that `source` is named after, else report.", examples=["read"]),
]
Judged = Annotated[
    Assessment | None,
    Field(
        strict=False,
        description="Instead of a value: what the radiologist makes of the model's decision. Accepted and rejected follow or reverse it;"
        " supplemented: the model missed the finding.",
    ),
]
Reader = Annotated[str | None, Field(max_length=256, description="Who made it; only a keyed pseudonym is kept.", examples=["reader-17"])]
MadeAt = Annotated[AwareDatetime, Field(ge=EARLIEST, le=LATEST, examples=["2026-03-02T15:30:00Z"])]
Name = Annotated[str | None, Field(min_length=1, max_length=256)]


class Word(BaseModel):
    """One reader's word on one finding: a value, an assessment of the model's decision, or that it is uncertain."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    finding: FindingName
    value: Value = None
    assessment: Judged = None
    uncertain: Annotated[bool, Field(description="The reader cannot say; what the reader said before counts no more.")] = False
    source: Source
    tier: Standing = None
    reader: Reader = None
    made_at: MadeAt
    asked: Annotated[bool, Field(description="It answers a worklist; it is weighed by the probability with which the film was drawn.")] = (
        False
    )
    supersedes: Annotated[UUID | None, Field(description="The label that it takes the place of, of the same film and finding.")] = None

    @model_validator(mode="after")
    def says_one_thing(self) -> Self:
        if (self.value is not None) + (self.assessment is not None) + self.uncertain != 1:
            raise PydanticCustomError("one_value", "Say exactly one of value, assessment and uncertain")
        return self

    def statement(self, key: bytes, subject: Subject) -> Statement:
        return Statement(
            subject,
            self.finding,
            self.value,
            self.source,
            self.tier or Tier.of(self.source),
            reader_token(key, self.reader),
            self.made_at.astimezone(UTC),
            self.assessment,
            self.asked,
            self.supersedes,
        )


class Line(Word):
    """A word that says itself which film it is about: by prediction, by accession number, by study UID or by instance UID."""

    prediction: UUID | None = None
    accession: Name = None
    study: Name = None
    instance: Name = None
    model: Annotated[str | None, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$", description="Only predictions of this model.")] = None

    @model_validator(mode="after")
    def names_one_film(self) -> Self:
        if sum(name is not None for name in (self.prediction, self.accession, self.study, self.instance)) != 1:
            raise PydanticCustomError("one_subject", "Say exactly one of prediction, accession, study and instance")
        return self

    def about(self, key: bytes) -> Subject:
        """What the line is about. Names become pseudonyms here, at the door."""
        return Subject(
            prediction=self.prediction,
            accession=None if self.accession is None else pseudonym(key, "accession", self.accession),
            study=None if self.study is None else pseudonym(key, "study", self.study),
            instance=None if self.instance is None else pseudonym(key, "instance", self.instance),
            model=self.model,
        )
