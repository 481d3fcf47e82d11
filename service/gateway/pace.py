"""Pace: how many requests one caller may send a second, and have in work at once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from service.errors import PacedError

MOST_CALLERS = 10_000
"""Callers that are remembered; of more than these, the one that has been idle longest begins anew."""


@dataclass(slots=True)
class Bucket:
    """What a caller has left: it fills with time up to a second's worth, and each request takes one."""

    tokens: float
    at: float
    in_work: int = 0


class Pace:
    """A token bucket for each caller; without limits it does nothing."""

    def __init__(self, per_s: float | None, at_once: int | None, *, clock: Callable[[], float] = monotonic) -> None:
        self._per_s, self._at_once, self._clock = per_s, at_once, clock
        self._burst = max(1.0, per_s or 0.0)
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def enter(self, caller: str) -> Callable[[], None] | None:
        """Count a request that came; what is returned is to be called when it ends.

        Raises:
            PacedError: The caller has too many in work, or came too soon.
        """
        if self._per_s is None and self._at_once is None:
            return None
        bucket = self._bucket(caller)
        if self._at_once is not None and bucket.in_work >= self._at_once:
            raise PacedError
        if self._per_s is not None:
            if bucket.tokens < 1:
                raise PacedError
            bucket.tokens -= 1
        bucket.in_work += 1

        def leave() -> None:
            bucket.in_work -= 1

        return leave

    def _bucket(self, caller: str) -> Bucket:
        now = self._clock()
        bucket = self._buckets.get(caller) or Bucket(self._burst, now)
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.at) * (self._per_s or 0.0))
        bucket.at = now
        self._buckets[caller] = bucket
        self._buckets.move_to_end(caller)
        while len(self._buckets) > MOST_CALLERS:
            self._buckets.popitem(last=False)
        return bucket
