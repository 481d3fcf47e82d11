"""Out-of-distribution share: how many films look to the model like hardly any film of the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from detectors.measurement import Measurement
from detectors.outliers import outlying_from
from detectors.plan import ALL
from detectors.projection import DISTANCE
from detectors.rates import Rate, measure_rate
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
    return [_measured(reference, window, cell) for cell in reference.cells]


def _measured(reference: Reference, window: Mapping[str, Tally], cell: str) -> Measurement:
    first = outlying_from(reference.tallies[ALL].feature(DISTANCE)[:-1])
    now, then = (tally.feature(DISTANCE)[:-1] for tally in (tally_of(reference.schema, window, cell), reference.tallies[cell]))
    if first is None:
        return Measurement.insufficient(NAME, int(now.sum()), "the reference has too few embeddings", cell=cell)
    rate = Rate(
        k=int(now[first:].sum()),
        n=int(now.sum()),
        k_reference=int(then[first:].sum()),
        n_reference=int(then.sum()),
        dispersion=reference.dispersion_of("embedding", feature=DISTANCE),
        minimum_odds_ratio=reference.plan.minimum_odds_ratio,
    )
    return measure_rate(NAME, rate, "high", cell=cell)
