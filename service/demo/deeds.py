"""Deeds: what is done to the stream, in the order of the story."""

from __future__ import annotations

from dataclasses import dataclass

from service.demo.scanner import NORTH, REPLACEMENT
from service.demo.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that was done to the stream, from its first day up to its end.

    asked: family of alarm that it calls for; None where any alarm is a false one.
    """

    first_day: int
    end: int
    done: str
    asked: str | None


def deeds_of(scenario: Scenario) -> tuple[Deed, ...]:
    """Every deed that takes a day or more."""
    replaced = f"north: the scanner of the main room is replaced ({NORTH.model} by {REPLACEMENT.model})"
    referred = "south: acute patients go elsewhere, a surgery's follow-up comes instead; its scars look like opacities"
    deeds = (
        Deed(0, scenario.acceptance_days, "acceptance: every film is read; these days are the reference", None),
        Deed(scenario.acceptance_days, scenario.replacement_day, "nothing", None),
        Deed(scenario.replacement_day, scenario.decay_day, replaced, "inputs"),
        Deed(scenario.decay_day, scenario.days, referred, "truth"),
    )
    return tuple(deed for deed in deeds if deed.first_day < deed.end)
