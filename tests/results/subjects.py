"""Subjects of reports, from films with defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from service.domain import Scores
from service.gateway.limits import Limits
from service.models.manifest import Manifest, parse_manifest
from service.results.subject import Subject
from tests.films import make_film
from tests.gateway.decoding import decode
from tests.store.builders import make_prediction

PNEUMOTHORAX = {"scheme": "SCT", "value": "36118008", "meaning": "Pneumothorax"}
STUDY, SERIES, INSTANCE = "1.2.3.4", "1.2.3.4.5", "1.2.3.4.5.6"


def make_manifest(**finding: object) -> Manifest:
    """Two findings; what is said of `finding` goes to the first."""
    return parse_manifest(
        {
            "name": "chest",
            "version": "3",
            "artifact": {"file": "w.safetensors", "format": "safetensors", "sha256": "ab" * 32, "architecture": "small_convnet"},
            "preprocessing": {"rows": 64, "columns": 64},
            "findings": [{"name": "pneumothorax", "threshold": 0.25, **finding}, {"name": "enlarged-cardiomediastinum", "threshold": 0.5}],
        }
    )


def make_subject(manifest: Manifest | None = None, prediction: Mapping[str, Any] | None = None, **film: Any) -> Subject:
    """The subject of a film: probabilities 0.5 and 0.1192, operating points 0.25 and 0.5."""
    uids = {"StudyInstanceUID": STUDY, "SeriesInstanceUID": SERIES, "SOPInstanceUID": INSTANCE}
    header = {"PatientBirthDate": "19790527", "StudyDate": "20260302", "StudyTime": "101530", "StudyID": "7"}
    image = decode(make_film(**{**uids, **header, **film}), Limits())
    scores = Scores(np.array([0.0, -2.0], np.float32), np.empty(0, np.float16))
    said = {"scores": scores, "attributes": dict(image.attributes), **(prediction or {})}
    return Subject(make_prediction(**said), manifest or make_manifest(concept=PNEUMOTHORAX), image.identity.header)
