"""Recalibrated: logits behind the maps that a remedy put there, and what another version of the same model would have made of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from service.models.manifest import Manifest


def recalibrated(manifest: Manifest, logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scores [n, findings] of the logits [n, findings] that the model itself gives: what is stored, replied and watched."""
    scores = logits.copy()
    for place, finding in enumerate(manifest.findings):
        for one in finding.recalibrations:
            scores[:, place] = one.calibrator(scores[:, place])
    return scores


def derived_scores(champion: Manifest, challenger: Manifest, scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scores [n, findings] that a challenger would have given to films of which the champion's stored scores [n, findings] are known.

    The two are one model behind one input (`same_logits` says so): the champion's maps are taken back, and the challenger's put on.
    """
    logits = scores.astype(np.float64)
    for place, finding in enumerate(champion.findings):
        for one in reversed(finding.recalibrations):
            logits[:, place] = one.calibrator.inverse(logits[:, place])
    for place, finding in enumerate(challenger.findings):
        for one in finding.recalibrations:
            logits[:, place] = one.calibrator(logits[:, place])
    return logits.astype(np.float32)
