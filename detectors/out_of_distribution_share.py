"""Out-of-distribution share: how many films look to the model like hardly any film of the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.measurement import Measurement
from detectors.outliers import outlying_from
from detectors.plan import ALL
from detectors.projection import DISTANCE
from detectors.rates import Rate, measure_rates
from detectors.reference import Reference
from detectors.tally import Tally, tally_of

NAME = "out_of_distribution_share"


def out_of_distribution_share(reference: Reference, window: Mapping[str, Tally]) -> Sequence[Measurement]:
    """Measure the share of films whose embedding lies beyond the distance of 99 % of the reference, for every cell; only a rise breaches.

    Distance: projection.py. Interval: Wilson at n / phi; limit: rates.py. n: films with an embedding. Silent for a model
    without embeddings.
    """
    if not reference.schema.projection.features:
        return [Measurement.insufficient(NAME, 0, "the reference has too few embeddings")]
    first = outlying_from(reference.tallies[ALL].feature(DISTANCE)[:-1])
    seen = [(cell, tally_of(reference.schema, window, cell).feature(DISTANCE)[:-1]) for cell in reference.cells]
    if first is None:
        return [Measurement.insufficient(NAME, int(now.sum()), "the reference has too few embeddings", cell=cell) for cell, now in seen]
    return measure_rates(NAME, [_rate(reference, cell, now, first) for cell, now in seen], "high")


def _rate(reference: Reference, cell: str, now: NDArray[np.int64], first: int) -> Rate:
    then = reference.tallies[cell].feature(DISTANCE)[:-1]
    return Rate(
        k=int(now[first:].sum()),
        n=int(now.sum()),
        k_reference=int(then[first:].sum()),
        n_reference=int(then.sum()),
        dispersion=reference.dispersion_of("embedding", feature=DISTANCE),
        minimum_odds_ratio=reference.plan.minimum_odds_ratio,
        cell=cell,
    )
