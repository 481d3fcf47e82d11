"""model.toml: what a model is, what it accepts, where it operates and how it wants to be watched."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from math import log
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from service.domain import Tier
from service.errors import PackageError
from service.models.features import CATEGORICAL, NUMERIC, SUBGROUPS
from service.models.plan import Remedies
from service.models.section import Section

if TYPE_CHECKING:
    from detectors.calibrator import Calibrator

MANIFEST = "model.toml"
MANIFEST_BYTES = 1 << 20

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Version = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
Code = Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9 _-]{0,63}$")]
Percentile = Annotated[float, Field(ge=0, le=100)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Cost = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Artifact(Section):
    """The file with the weights, and how it is read."""

    file: FileName
    format: Literal["torchscript", "export", "safetensors"]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    architecture: Name | None = None
    arguments: Mapping[str, int] = Field(default_factory=dict)

    @model_validator(mode="after")
    def architecture_belongs_to_safetensors(self) -> Self:
        if (self.format == "safetensors") != (self.architecture is not None):
            raise ValueError("safetensors needs an architecture, and only safetensors may name one")
        if self.arguments and self.architecture is None:
            raise ValueError("arguments are those of an architecture")
        return self


class Preprocessing(Section):
    """From film to input tensor: percentile window to [0, 1], area-average resize, then (x - mean) / std."""

    rows: Annotated[int, Field(ge=8, le=4096)]
    columns: Annotated[int, Field(ge=8, le=4096)]
    low_percentile: Percentile = 1.0
    high_percentile: Percentile = 99.0
    mean: Finite = 0.0
    std: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0

    @model_validator(mode="after")
    def window_has_a_width(self) -> Self:
        if self.low_percentile >= self.high_percentile:
            raise ValueError("low_percentile must lie below high_percentile")
        return self


class Output(Section):
    """What the model returns for a finding."""

    kind: Literal["logit", "probability"] = "logit"


class Concept(Section):
    """What a finding is called in a coding scheme: SNOMED CT is SCT, RadLex is RADLEX."""

    scheme: Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9_.-]{0,15}$")]
    value: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,16}$")]
    meaning: Annotated[str, Field(pattern=r"^[!-\[\]-~]([ -\[\]-~]{0,62}[!-\[\]-~])?$")]


class Calibration(Section):
    """Platt's correction of a logit, slope * logit + intercept; a temperature T is a slope of 1 / T."""

    slope: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    intercept: Finite = 0.0


class Recalibration(Section):
    """What a remedy put behind the model: a line, or knots of a line that bends, from logit to logit (detectors/calibrator.py)."""

    slope: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    intercept: Finite = 0.0
    knots: Annotated[tuple[tuple[Finite, Finite], ...], Field(max_length=1000)] = ()

    @model_validator(mode="after")
    def map_rises(self) -> Self:
        _ = self.calibrator
        return self

    @property
    def calibrator(self) -> Calibrator:
        """The map itself.

        Raises:
            ValueError: It does not rise.
        """
        from detectors.calibrator import Calibrator  # noqa: PLC0415 - the package brings scipy; --help must not wait for it

        return Calibrator(self.slope, self.intercept, self.knots)


class Finding(Section):
    """One output of the model, with its operating point (a probability, before calibration) and what its errors cost.

    recalibrations: maps that the model's logit goes through, in this order, before it is a score: what is stored, replied, watched and held
        against the operating point is what comes out. `calibration` is another thing: a second probability that is told beside the score.
    """

    name: Name
    concept: Concept | None = None
    calibration: Calibration | None = None
    recalibrations: Annotated[tuple[Recalibration, ...], Field(max_length=16, exclude_if=lambda given: not given)] = ()
    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5
    cost_false_negative: Cost = 1.0
    cost_false_positive: Cost = 1.0

    @property
    def threshold_logit(self) -> float:
        """The operating point as a logit: log(t / (1 - t))."""
        return log(self.threshold / (1.0 - self.threshold))


class Accepts(Section):
    """The films that the model was made for. An empty list accepts anything; `missing` accepts a film that does not say.

    intent: "FOR PRESENTATION", "FOR PROCESSING": many scanners send each film as both.
    also: kinds of image that are refused unless they are named here.
    frames: "single" refuses an instance of several frames; "first" and "middle" say which one is read, and the others are ignored.

    Colour is always refused, grey written as colour too: in a radiography study it is a screenshot or another program's drawing.
    """

    modality: tuple[Code, ...] = ()
    body_part: tuple[Code, ...] = ()
    view: tuple[Code, ...] = ()
    intent: tuple[Code, ...] = ()
    age_years: tuple[Cost, Cost] | None = None
    missing: bool = True
    also: tuple[Literal["quality-control", "localizer", "secondary-capture"], ...] = ()
    frames: Literal["single", "first", "middle"] = "single"

    @field_validator("age_years")
    @classmethod
    def ages_are_in_order(cls, ages: tuple[float, float] | None) -> tuple[float, float] | None:
        if ages is not None and ages[0] > ages[1]:
            raise ValueError("the lower age comes first")
        return ages


class Monitoring(Section):
    """How the model wants to be watched: its false-alarm budget, when labels count as mature, and what is looked at.

    label_tiers: the kinds of statements that count, most trusted first; of each finding of a film the first one that was given counts.
    """

    alarms_per_year: Annotated[float, Field(gt=0, le=365)] = 1.0
    label_maturity_days: Annotated[int, Field(ge=0, le=3650)] = 14
    subgroups: tuple[str, ...] = ("site", "PatientSex", "age_band", "ViewPosition", "ManufacturerModelName")
    categorical: tuple[str, ...] = CATEGORICAL
    numeric: tuple[str, ...] = NUMERIC
    pairs: Annotated[tuple[tuple[str, str], ...], Field(max_length=16)] = ()
    minimum_odds_ratio: Annotated[float, Field(gt=1, le=100)] = 1.5
    label_tiers: Annotated[tuple[Literal["pathology", "panel", "follow-up", "read", "report"], ...], Field(min_length=1)] = tuple(
        tier.value for tier in Tier
    )

    @field_validator("label_tiers")
    @classmethod
    def tiers_are_unique(cls, tiers: tuple[str, ...]) -> tuple[str, ...]:
        return _unique(tiers)

    @model_validator(mode="after")
    def pairs_are_of_declared_subgroups(self) -> Self:
        if any(one not in self.subgroups or one == other or other not in self.subgroups for one, other in self.pairs):
            raise ValueError("a pair is of two different subgroups that are declared too")
        if len({frozenset(pair) for pair in self.pairs}) != len(self.pairs):
            raise ValueError("a pair is given twice")
        return self

    @field_validator("subgroups", "categorical", "numeric")
    @classmethod
    def names_are_known_and_unique(cls, names: tuple[str, ...], info: object) -> tuple[str, ...]:
        known = {"subgroups": SUBGROUPS, "categorical": CATEGORICAL, "numeric": NUMERIC}[getattr(info, "field_name", "")]
        unknown = [name for name in names if name not in known]
        if unknown:
            raise ValueError(f"not known here: {', '.join(unknown)}")
        return _unique(names)


class Manifest(Section):
    """One version of a model, as its package describes it."""

    name: Name
    version: Version
    description: Annotated[str, Field(max_length=4000)] = ""
    artifact: Artifact
    preprocessing: Preprocessing
    output: Output = Output()
    findings: Annotated[tuple[Finding, ...], Field(min_length=1, max_length=256)]
    accepts: Accepts = Accepts()
    monitoring: Monitoring = Monitoring()
    remedies: Annotated[Remedies, Field(exclude_if=lambda plan: plan == Remedies())] = Remedies()

    @field_validator("findings")
    @classmethod
    def findings_have_different_names(cls, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
        _unique([finding.name for finding in findings])
        return findings

    @property
    def finding_names(self) -> tuple[str, ...]:
        """Names of the findings in the order of the model's outputs."""
        return tuple(finding.name for finding in self.findings)

    @property
    def threshold_logits(self) -> tuple[float, ...]:
        """Operating points as logits, in the order of the findings."""
        return tuple(finding.threshold_logit for finding in self.findings)

    def as_json(self) -> dict[str, object]:
        """The manifest as plain JSON values: what the store keeps and `parse_manifest` reads again."""
        return self.model_dump(mode="json")


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    if len(set(names)) != len(names):
        raise ValueError("a name is given twice")
    return tuple(names)


def parse_manifest(values: Mapping[str, object]) -> Manifest:
    """Manifest of parsed TOML or of what the store kept; PackageError names the key that is wrong."""
    try:
        return Manifest.model_validate_json(json.dumps(values))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise PackageError(f"{MANIFEST}: {key}: {first['msg']}") from None
    except (TypeError, ValueError):
        raise PackageError(f"{MANIFEST}: only text, numbers, booleans, lists and tables are expected") from None


def read_manifest(folder: Path) -> Manifest:
    """Manifest of a package folder."""
    try:
        with (folder / MANIFEST).open("rb") as file:
            text = file.read(MANIFEST_BYTES + 1)
    except OSError:
        raise PackageError(f"{MANIFEST} cannot be read; a model package is a folder with {MANIFEST} and its artifact") from None
    if len(text) > MANIFEST_BYTES:
        raise PackageError(f"{MANIFEST} is larger than 1 MiB")
    try:
        return parse_manifest(tomllib.loads(text.decode()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PackageError(f"{MANIFEST} is not TOML: {error}") from None
