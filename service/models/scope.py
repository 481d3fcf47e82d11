"""Why a film may be none that a model was made for: the closed list of what can put it out of scope."""

from __future__ import annotations

from enum import StrEnum


class Outside(StrEnum):
    """What about an instance is outside of a model's scope. The names stand in problems, rows and series; values of a film never do."""

    OBJECT = "object"
    FRAMES = "frames"
    COLOUR = "colour"
    BITS = "bits"
    QUALITY_CONTROL = "quality-control"
    LOCALIZER = "localizer"
    SECONDARY_CAPTURE = "secondary-capture"
    INTENT = "intent"
    MODALITY = "modality"
    BODY_PART = "body-part"
    VIEW = "view"
    AGE = "age"
