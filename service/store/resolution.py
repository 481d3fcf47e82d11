"""Resolution: of everything that was stated about a finding of a film, what counts.

- A statement that another one of the same film and finding names in `supersedes` counts no more; nor does what the same reader stated earlier
  in the same tier, by the time it was made. Readers without a name are told apart by their source. What one reader stated twice for the
  same moment counts as the mean of both: they contradict each other.
- Of the tiers, in the order of the model's plan, the first one in which anybody said anything counts alone. A reader who is not certain
  says nothing, and takes back what it said before.
- Several readers of that tier make a soft label: the probability of the finding given their votes (detectors/readers.py). Tallies of a
  reference that knows how its readers err take the label of detectors/panels.py in its place.
- The label weighs one over the probability with which a worklist drew the film; one where any reader saw it without being asked.

When a statement arrived is no part of this: labels that come in another order make the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from psycopg import Cursor

DAY_S = 86_400.0
HEAVIEST = 1000.0
"""Largest weight that a tally takes (detectors/coding.py)."""

VOTES = """
with said as (
    select labels.*, array_position(%(tiers)s::text[], tier) as standing, coalesce(encode(reader, 'hex'), source) as voice
    from labels where model_version = %(version)s and prediction >= %(low)s and prediction < %(high)s
        and (%(among)s::uuid[] is null or prediction = any(%(among)s))),
arrived as (
    select prediction, finding, min(received_at) as first_at from said where standing is not null and value is not null
    group by prediction, finding),
latest as (
    select distinct on (prediction, finding, standing, voice) prediction, finding, standing, voice, avg(value) as value,
        bool_or(bool_or(asked)) over (partition by prediction, finding, voice) as asked
    from said where standing is not null and not exists (
        select from labels as later where later.supersedes = said.id and later.prediction = said.prediction and later.finding = said.finding)
    group by prediction, finding, standing, voice, made_at order by prediction, finding, standing, voice, made_at desc),
counting as (select *, min(standing) over (partition by prediction, finding) as best from latest where value is not null)
select prediction, finding, array_agg(value order by voice) filter (where standing = best), bool_and(asked), min(first_at), min(probability)
from counting join arrived using (prediction, finding) left join asked_reads using (prediction)
group by prediction, finding
"""


@dataclass(frozen=True, slots=True)
class Truth:
    """What counts of some predictions, [n, findings] each: labels (NaN: none), weights, delays of first labels in days (NaN: none).

    pairs: of the readers whose votes make the label, pairs of which both, one, or none saw the finding [n, findings, 3].
    """

    labels: NDArray[np.float64]
    weights: NDArray[np.float64]
    delays: NDArray[np.float64]
    pairs: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Stretch:
    """The predictions of a model version from the first id to before the last; among: only these of them."""

    version: int
    low: UUID
    high: UUID
    among: tuple[UUID, ...] | None = None


def truth_of(
    cursor: Cursor[Any], stretch: Stretch, received: Mapping[UUID, datetime], *, findings: Sequence[str], tiers: Sequence[str]
) -> Truth:
    """Resolve what was stated about the predictions of a stretch.

    Args:
        cursor: Binary.
        stretch: Whose predictions.
        received: When each prediction was received, in the order of the rows.
        findings: Columns of the result.
        tiers: Those that count, most trusted first.
    """
    from detectors.readers import pairs_of, soft_label  # noqa: PLC0415 - neither a gateway nor a command that reads rows needs scipy

    shape = (len(received), len(findings))
    truth = Truth(np.full(shape, np.nan), np.ones(shape), np.full(shape, np.nan), np.zeros((*shape, 3), dtype=np.int64))
    if not received:
        return truth
    row_of, column_of = {one: row for row, one in enumerate(received)}, {name: column for column, name in enumerate(findings)}
    among = None if stretch.among is None else list(stretch.among)
    question = {"version": stretch.version, "low": stretch.low, "high": stretch.high, "among": among, "tiers": list(tiers)}
    cursor.execute(VOTES, question)
    for prediction, finding, votes, asked, first_at, probability in cursor:
        row, column = row_of.get(prediction), column_of.get(finding)
        if row is None or column is None:
            continue
        truth.labels[row, column] = votes[0] if len(votes) == 1 else soft_label(votes)
        truth.delays[row, column] = max((first_at - received[prediction]).total_seconds() / DAY_S, 0.0)
        if len(votes) > 1:
            truth.pairs[row, column] = pairs_of(votes)
        if asked and probability is not None:
            truth.weights[row, column] = min(max(1.0 / probability, 1.0), HEAVIEST)
    return truth
