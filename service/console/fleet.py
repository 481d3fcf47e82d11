"""Fleet: every model on one line, the worst first."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from sqlalchemy import Connection

from service.console.page import Asked, Page, Place, href
from service.console.render import FLEET, MODEL
from service.console.standing import MARKS, MEANS, WORDS, State, state_of
from service.store.standing import ModelStanding, standings_of_models

ON_A_PAGE = 50
MOST_PAGES = 100_000
YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Line:
    """One model. completeness: the least of its findings, with that finding's name; None before any label was due."""

    one: ModelStanding
    state: State
    word: str
    mark: str
    means: str
    address: str
    finding: str
    completeness: float | None
    age: timedelta | None


@dataclass(frozen=True, slots=True)
class Choice:
    """A link that shows the models of one state only."""

    word: str
    mark: str
    count: int
    address: str
    here: bool


@dataclass(frozen=True, slots=True)
class FleetView:
    """A part of the fleet. matching: models that the filters let through; of them those from `first` on are shown."""

    lines: tuple[Line, ...]
    choices: tuple[Choice, ...]
    total: int
    matching: int
    first: int
    search: str
    state: str
    former: str | None
    next: str | None


def fleet(connection: Connection, asked: Asked) -> FleetView:
    """The models, narrowed by `q` and `state`, fifty on a page."""
    search, state = asked.text("q"), asked.word("state", ("", *State), "")
    every = [(one, state_of(one, asked.now)) for one in standings_of_models(connection, asked.now - YEAR)]
    named = [(one, how) for one, how in every if search.lower() in one.model.lower()]
    found = sorted((pair for pair in named if state in {"", pair[1]}), key=_urgency)
    page = asked.whole("page", 1, 1, MOST_PAGES)
    first = (page - 1) * ON_A_PAGE
    shown = found[first : first + ON_A_PAGE]
    return FleetView(
        lines=tuple(_line(one, how, asked.now) for one, how in shown),
        choices=_choices(Counter(how for _, how in named), search, state),
        total=len(every),
        matching=len(found),
        first=first,
        search=search,
        state=state,
        former=_address(search, state, page - 1) if page > 1 else None,
        next=_address(search, state, page + 1) if first + ON_A_PAGE < len(found) else None,
    )


def _urgency(pair: tuple[ModelStanding, State]) -> tuple[int, float, str]:
    one, how = pair
    return list(State).index(how), -(one.evidence or 0.0), one.model


def _line(one: ModelStanding, how: State, now: datetime) -> Line:
    known = {finding: value for finding, value in one.completeness.items() if value is not None}
    finding = min(known, key=lambda name: known[name], default="")
    return Line(
        one=one,
        state=how,
        word=WORDS[how],
        mark=MARKS[how],
        means=MEANS[how],
        address=href(MODEL, model=one.model),
        finding=finding,
        completeness=known.get(finding),
        age=None if one.computed_at is None else now - one.computed_at,
    )


def _choices(counts: Counter[State], search: str, state: str) -> tuple[Choice, ...]:
    every = Choice("All", "none", counts.total(), _address(search, "", 1), here=not state)
    return (
        every,
        *(Choice(WORDS[one], MARKS[one], counts[one], _address(search, one, 1), here=one == state) for one in State if counts[one]),
    )


def _address(search: str, state: str, page: int) -> str:
    given = {"q": search, "state": state, "page": "" if page == 1 else str(page)}
    query = urlencode({name: value for name, value in given.items() if value})
    return f"{FLEET}?{query}" if query else FLEET


FLEET_PAGE = Page("fleet", "Fleet", FLEET, fleet, Place.TOP)
