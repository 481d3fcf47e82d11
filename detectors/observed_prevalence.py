"""Observed prevalence: how many films are positive, as far as they were read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from detectors.measurement import Measurement
from detectors.reference import REFERENCES_HELD, Reference
from detectors.tally import Tally
from detectors.verification import Shares, verified
from detectors.verified_rates import measure_shares, places_of


def observed_prevalence(reference: Reference, window: Mapping[str, Tally]) -> Sequence[Measurement]:
    """Measure the share of positives among all films, from those that were read (verification.py); either direction breaches.

    For every finding and cell. Comparable with the reference only while labels come from the same source. n: plain labels that would say
    as much. Interval: Wilson at n / phi; limit: rates.py.
    """
    now = verified(reference.schema, window, reference.schema.findings, reference.cells).prevalence()
    phi = np.array([reference.dispersion_of("prevalence", finding=finding) for finding, _ in places_of(reference)])
    return measure_shares(reference, "observed_prevalence", "both", now=now, then=_usual(reference), phi=phi)


@lru_cache(maxsize=REFERENCES_HELD)
def _usual(reference: Reference) -> Shares:
    """What the reference itself shows."""
    return verified(reference.schema, reference.tallies, reference.schema.findings, reference.cells).prevalence()
