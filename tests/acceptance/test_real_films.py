"""Real films, a real site shift: a model trained on children's films in one hospital meets adults in another.

A small network learns pneumonia on part of PneumoniaMNIST; the rest is its reference period, the validation films follow as DICOM
over HTTP (more of the same: nothing may happen), then adult films of NIH ChestX-ray14 (an alarm must come). All films are brought to
the same 28 x 28 pixels and carry the same attributes, so the only thing that differs is what is on them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sqlalchemy import Engine

from service.demo.train import auroc, fit, logits_of, write_weights
from service.domain import Alarm, ModelVersion
from service.gateway.resize import area_average
from service.models.architectures import build
from service.models.registry import register_package
from service.store.alarms import alarms_of
from service.store.engine import open_engine
from service.worker.reference import build_reference
from service.worker.run import run_pass
from tests import postgres
from tests.api.serving import until_loaded
from tests.callers import AUTHORIZED
from tests.films import make_film
from tests.running import running_gateway

DATA = Path(__file__).parents[3] / "shared" / "data"
SIDE = 28
A_DAY = 33
FIRST = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)
REFERENCE_DAYS, QUIET_DAYS, SHIFTED_DAYS = 30, 15, 3
HELD_OUT = REFERENCE_DAYS * A_DAY
MANIFEST = """
name = "pneumonia"
version = "1"
[artifact]
file = "weights.safetensors"
format = "safetensors"
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
architecture = "small_convnet"
arguments = { findings = 1 }
[preprocessing]
rows = 28
columns = 28
mean = 0.5
std = 0.25
[[findings]]
name = "pneumonia"
[monitoring]
label_maturity_days = 3
subgroups = ["site"]
"""

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the real films of ../shared/data are not on this machine")

Films = NDArray[np.uint8]


@dataclass(frozen=True)
class Drawn:
    """Real films in a fixed random order. Labels of the adults are not needed: their films alone must raise the alarm."""

    train: Films
    train_labels: NDArray[np.float32]
    reference: Films
    reference_labels: NDArray[np.float32]
    quiet: Films
    quiet_labels: NDArray[np.float32]
    adults: Films


@dataclass(frozen=True)
class Watched:
    """What was seen at the end of each stretch, and how good the model was on films that it did not learn from."""

    after_quiet: list[Alarm]
    after_shift: list[Alarm]
    quality: float


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    rng = np.random.default_rng(1)
    children, adults = np.load(DATA / "pneumoniamnist_28_trainval.npz"), np.load(DATA / "nih_dev_64.npz")["images"]
    order, later = rng.permutation(len(children["train_images"])), rng.permutation(len(children["val_images"]))[: QUIET_DAYS * A_DAY]
    held_out, learnt = order[:HELD_OUT], order[HELD_OUT:]
    labels, later_labels = (children[f"{part}_labels"][:, 0].astype(np.float32) for part in ("train", "val"))
    chosen = adults[rng.permutation(len(adults))[: SHIFTED_DAYS * A_DAY]]
    return Drawn(
        train=children["train_images"][learnt],
        train_labels=labels[learnt],
        reference=children["train_images"][held_out],
        reference_labels=labels[held_out],
        quiet=children["val_images"][later],
        quiet_labels=later_labels[later],
        adults=np.stack([np.rint(area_average(film.astype(np.float32), SIDE, SIDE)).astype(np.uint8) for film in chosen]),
    )


def _inputs(films: Films) -> torch.Tensor:
    """As the gateway's preprocessing makes them."""
    low, high = np.percentile(films, (1, 99), axis=(1, 2))[:, :, None, None]
    return torch.from_numpy((((np.clip(films, low, high) - low) / (high - low) - 0.5) / 0.25).astype(np.float32)[:, None])


def _package(drawn: Drawn, folder: Path) -> float:
    """Train, write the package, and return the AUROC on the validation films."""
    torch.manual_seed(1)
    torch.set_num_threads(1)
    net = fit(build("small_convnet", {"findings": 1}), _inputs(drawn.train), torch.from_numpy(drawn.train_labels[:, None]), epochs=20)
    folder.mkdir()
    (folder / "model.toml").write_text(MANIFEST)
    write_weights(net, folder)
    return auroc(logits_of(net, _inputs(drawn.quiet)).numpy()[:, 0].astype(np.float64), drawn.quiet_labels > 0)


class Site:
    """Sends films to the gateway, a day after the other, and lets the worker look at the end of each."""

    def __init__(self, address: str, engine: Engine, version: ModelVersion) -> None:
        self.client = httpx.Client(base_url=address, headers=AUTHORIZED, timeout=60)
        self.engine, self.version, self.day = engine, version, 0

    def stream(self, films: Films, labels: NDArray[np.float32] | None = None) -> None:
        """Send films at A_DAY a day, with their labels on the evening of the day."""
        for start in range(0, len(films), A_DAY):
            midnight = FIRST + self.day * DAY
            with ThreadPoolExecutor(4) as threads:
                moments = [midnight + timedelta(hours=8, minutes=15 * i) for i in range(A_DAY)]
                answers = list(threads.map(self._send, films[start : start + A_DAY], moments))
            if labels is not None:
                self._report(answers, labels[start : start + A_DAY], midnight + timedelta(hours=20))
            self.day += 1
            run_pass(self.engine, midnight + DAY, now=lambda: datetime.now(UTC))

    def alarms(self) -> list[Alarm]:
        with self.engine.connect() as connection:
            return alarms_of(connection, self.version.id)

    def _send(self, film: Films, at: datetime) -> str:
        body = make_film(film, BitsStored=8, HighBit=7, ViewPosition=None, PatientSex=None, PatientAge=None)
        reply = self.client.post(
            "/v1/models/pneumonia/predictions",
            content=body,
            headers={"Content-Type": "application/dicom", "Stepwedge-Received-At": at.isoformat()},
        )
        assert reply.status_code == 200, reply.text
        return str(reply.json()["id"])

    def _report(self, answers: list[str], labels: NDArray[np.float32], at: datetime) -> None:
        lines = (
            json.dumps({"prediction": answer, "finding": "pneumonia", "value": float(label), "source": "report", "made_at": at.isoformat()})
            for answer, label in zip(answers, labels, strict=True)
        )
        reply = self.client.post("/v1/labels", content="\n".join(lines), headers={"Content-Type": "application/x-ndjson"})
        assert reply.status_code == 200, reply.text


@pytest.fixture(scope="module")
def watched(drawn: Drawn, server_url: str, migrated_template: str) -> Iterator[Watched]:
    with postgres.reachable_folder() as folder, postgres.database(server_url, migrated_template) as url:
        quality = _package(drawn, folder / "package")
        engine = open_engine(url)
        version = register_package(engine, str(folder / "objects"), folder / "package", at=FIRST)
        with running_gateway(url, folder) as address:
            site = Site(address, engine, version)
            until_loaded(site.client, version.model)
            site.stream(drawn.reference, drawn.reference_labels)
            build_reference(engine, version, FIRST, FIRST + REFERENCE_DAYS * DAY, at=FIRST + REFERENCE_DAYS * DAY)
            site.stream(drawn.quiet, drawn.quiet_labels)
            after_quiet = site.alarms()
            site.stream(drawn.adults)
            yield Watched(after_quiet, site.alarms(), quality)
            site.client.close()
        engine.dispose()


def test_the_model_is_good_where_it_was_trained(watched: Watched) -> None:
    assert watched.quality > 0.95


def test_more_films_of_the_same_hospital_raise_no_alarm(watched: Watched) -> None:
    assert watched.after_quiet == []


def test_adults_of_another_hospital_raise_an_alarm_within_a_hundred_films(watched: Watched) -> None:
    alarm = watched.after_shift[-1]
    assert alarm.family == "inputs"
    assert alarm.opened_at <= FIRST + (REFERENCE_DAYS + QUIET_DAYS + SHIFTED_DAYS) * DAY
    assert {carrier.family for carrier in alarm.carriers} <= {"image", "embedding", "score", "acquisition"}
    assert (alarm.carriers[0].n or 0) <= SHIFTED_DAYS * A_DAY
