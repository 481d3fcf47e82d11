"""Vanished share: whether a value that was usual in the reference does not come any more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import log, log1p

import numpy as np

from detectors.intervals import wilson
from detectors.measurement import Measurement, Verdict
from detectors.plan import family_of
from detectors.reference import Reference
from detectors.tally import Tally, tally_of

NAME = "vanished_share"
NEEDED = 50
"""Values in the window and in the reference."""
LEVEL = 0.025
"""Chance that any value of a feature stays away so long by chance; shared among its values (Bonferroni)."""


def vanished_share(reference: Reference, window: Mapping[str, Tally]) -> Sequence[Measurement]:
    """Measure which share of the reference's values does not come any more: that of the most frequent one that is absent, for every category.

    A scanner that was sold, a view that is not sent any more, a word that a new software spells otherwise: nothing is unseen or missing, and
    still something is gone. Of k films with a value, all in the m films of the reference and none in the n of the window, the chance is
    (m / (m + n / r))^(k / phi) where the rate in the window is r times less frequent by odds that do not matter (the plan's odds ratio). The
    limit is the share at which this is 2.5 % for all values of the feature together: the longer one has looked, the rarer the
    value whose absence is no chance. 0: every value came. For "all", and each part of the stratum against its own reference.

    Returns:
        One measurement a category; `insufficient` below 50 values in the window or in the reference. Interval: Wilson at m / phi. n: values.

    >>> from detectors.arrays import Arrays, reference_of, window_of
    >>> reference = reference_of(Arrays({"ViewPosition": np.array(["AP"] * 300 + ["PA"] * 700, dtype=object)}))
    >>> gone = vanished_share(reference, window_of(reference, Arrays({"ViewPosition": np.array(["PA"] * 60, dtype=object)})))[0]
    >>> gone.value, round(gone.limit, 2), gone.verdict.value
    (0.3, 0.11, 'breached')
    """
    return list(_measured(reference, window))


def _measured(reference: Reference, window: Mapping[str, Tally]) -> Iterator[Measurement]:
    for cell, own in reference.strata.items():
        now, then = tally_of(reference.schema, window, cell), reference.tallies[own]
        for feature, bins in reference.schema.categorical.items():
            values = slice(len(bins.counted))
            came, usual = now.feature(feature), then.feature(feature)
            n, m = int(came[:-1].sum()), int(usual[:-1].sum())
            if min(n, m) < NEEDED:
                reason = f"{NEEDED} values needed, in the window and in the reference"
                yield Measurement.insufficient(NAME, n, reason, cell=cell, feature=feature)
                continue
            phi = reference.dispersion_of(family_of(feature), feature=feature)
            k = int(np.where(came[values] == 0, usual[values], 0).max(initial=0))
            limit = _limit(n, m, len(bins.counted), phi, reference.plan.minimum_odds_ratio)
            verdict = Verdict.BREACHED if k / m > limit else Verdict.WITHIN
            yield Measurement(NAME, k / m, n, wilson(k, m, phi), limit, verdict, cell=cell, feature=feature)


def _limit(n: int, m: int, values: int, dispersion: float, odds_ratio: float) -> float:
    """Share of the reference from which absence in n films is no chance."""
    fewest = dispersion * log(LEVEL / max(values, 1)) / -log1p(n / odds_ratio / m)
    return min(fewest / m, 1.0)
