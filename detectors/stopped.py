"""Stopped: the sources that fell silent, as carriers of an incident, and where they were at home."""

from __future__ import annotations

from detectors.carrier import Carrier
from detectors.evidence import State, silence
from detectors.plan import ALL
from detectors.reference import Reference
from detectors.series import Gather, Series

AT_HOME = 0.9
"""Share of a source's films that a subgroup held, if it is the one in which the source lives."""
SUBGROUP_FIRST = 1.25
"""A subgroup is named before a value with up to this many times its share: all that comes from it is silent with it."""


def stopped(reference: Reference, state: State) -> tuple[Carrier, ...]:
    """Every source that is silent, the one with the largest share of the reference's films first.

    A carrier's rate is 0 of the n films since that could have come from the source; its reference_rate is the source's share of those in
    the reference; its surprise how many films of it are missing.
    """
    sources, over = reference.sources, silence(reference, state)
    then = sources.count(reference.tallies)
    found = [
        Carrier(
            series=one,
            side="low",
            rate=0.0,
            reference_rate=float(then.k[place] / max(then.n[place], 1)),
            n=int(state.missed[place]),
            evidence=float(over[place]),
            surprise=float(state.missed[place] * then.k[place] / max(then.n[place], 1)),
            since=int(state.silent_since[place]),
        )
        for place, one in enumerate(sources.series)
        if state.silent_since[place] >= 0
    ]
    return tuple(sorted(found, key=_narrowness))


def home_of(reference: Reference, source: Series) -> str:
    """Name the smallest subgroup that had nearly all films of a source in the reference; its own for a subgroup."""
    if source.cell != ALL or source.feature == "predictions":
        return source.cell
    gather = Gather.of([source])
    films = {cell: int(gather.count({ALL: tally}).k[0]) for cell, tally in reference.tallies.items()}
    homes = [cell for cell in reference.cells if films[cell] >= AT_HOME * films[ALL]]
    return min(homes, key=lambda cell: reference.tallies[cell].n)


def _narrowness(one: Carrier) -> tuple[float, str]:
    return -one.reference_rate * (1.0 if one.series.feature != "predictions" else SUBGROUP_FIRST), one.series.name
