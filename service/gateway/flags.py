"""Flags: what is plainly wrong with a film. They tell the reader of an answer to look twice; they find corruption, not attackers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from service.gateway.statistics import BLANK
from service.models.features import FLAGS

SATURATED_SHARE = 0.5
CLIPPED_SHARE = 0.1


def statistic_flags(statistics: Mapping[str, float]) -> tuple[str, ...]:
    """What the film's own statistics say.

    | flag | meaning |
    |---|---|
    | constant | every pixel has one value |
    | saturated | half of the film or more is at an end of its span |
    | clipped | a tenth of the film or more is at the bright end, where nothing can be told apart any more |

    The others need more than the film: inverted (polarity.py), near_duplicate (duplicates.py), out_of_distribution (distance.py).
    The dark end alone is no clipping: collimation, shutters and air lie there.

    >>> statistic_flags({"spread": 0.2, "share_at_bottom": 0.3, "share_at_top": 0.15})
    ('clipped',)
    """
    raised = {
        "constant": statistics["spread"] < BLANK,
        "saturated": statistics["share_at_bottom"] + statistics["share_at_top"] >= SATURATED_SHARE,
        "clipped": statistics["share_at_top"] >= CLIPPED_SHARE,
    }
    return in_order(name for name, is_raised in raised.items() if is_raised)


def in_order(flags: Iterable[str]) -> tuple[str, ...]:
    """Each flag once, in the order of `FLAGS`."""
    raised = set(flags)
    return tuple(name for name in FLAGS if name in raised)
