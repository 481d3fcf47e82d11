"""Observed prevalence: how many films are positive, as far as they were read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from detectors.measurement import Measurement
from detectors.reference import REFERENCES_HELD, Reference
from detectors.tally import Tally
from detectors.verification import Shares, verified
from detectors.verified_rates import measure_shares


def observed_prevalence(reference: Reference, window: Mapping[str, Tally]) -> Sequence[Measurement]:
    """Measure the share of positives among all films, from those that were read (verification.py); either direction breaches.

    For every finding and cell. Comparable with the reference only while labels come from the same source. n: plain labels that would say
    as much. Interval: Wilson at n / phi; limit: rates.py.
    """
    usual = _usual(reference)
    found: list[Measurement] = []
    for finding in reference.schema.findings:
        now, then = verified(reference.schema, window, reference.cells, finding).prevalence(), usual[finding]
        phi = reference.dispersion_of("prevalence", finding=finding)
        found += measure_shares(reference, "observed_prevalence", "both", finding, now=now, then=then, dispersion=lambda *_, phi=phi: phi)
    return found


@lru_cache(maxsize=REFERENCES_HELD)
def _usual(reference: Reference) -> Mapping[str, Shares]:
    """What the reference itself shows, by finding."""
    return {
        finding: verified(reference.schema, reference.tallies, reference.cells, finding).prevalence()
        for finding in reference.schema.findings
    }
