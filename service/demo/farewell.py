"""The last lines: where to look, and how to send a film of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from service.access import Role
from service.config import Settings
from service.demo.film import film_of
from service.demo.population import studies_of
from service.demo.report import Report

FILM = "demo-film.dcm"


def farewell(told: Report, settings: Settings, address: str, model: str) -> Iterator[str]:
    """Verdict, addresses and a curl line; the film that it names is written beside the demo's data."""
    film = write_film(told, settings.data_dir)
    reading, predicting = (key_for(role, settings) for role in (Role.READ, Role.PREDICT))
    false = len(told.false_alarms)
    quiet = sum(chapter.days for chapter in told.chapters if chapter.deed.asked is None and chapter.deed.first_day)
    yield ""
    yield f"False alarms in {quiet} quiet days: {false or 'none'}. Every film was synthetic; no patient stands behind any of them."
    yield ""
    yield f"Look around   {address}/"
    yield f"The alarms    curl {reading}{address}/v1/models/{model}/alarms"
    yield f"The numbers   curl {reading if settings.metrics_need_key else ''}{address}/metrics"
    yield f"Send a film   curl {predicting}--data-binary @{film} -H 'Content-Type: application/dicom' {address}/v1/models/{model}/predictions"


def key_for(role: Role, settings: Settings) -> str:
    """What curl needs to be let in: nothing where everybody may, else the key of this data folder (by its file, so that no key is printed)."""
    return "" if role in settings.anonymous_roles else f'-H "Authorization: Bearer $(cat {settings.data_dir / "api.key"})" '


def write_film(told: Report, data_dir: Path) -> Path:
    """A film that the stream did not contain: the first of the day after the story's end."""
    path = data_dir / FILM
    path.write_bytes(film_of(studies_of(told.scenario, told.scenario.days)[0]))
    return path
