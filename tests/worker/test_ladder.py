"""The ladder: a calibration that decayed is brought back by a new version, what helps nobody is refused, and a worker may die anywhere."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit
from sqlalchemy import Connection, Engine, make_url, select, text
from sqlalchemy.exc import DBAPIError

from service.domain import Alarm, ModelVersion
from service.errors import DamagedObjectError, NotPassedError, RemedyStateError
from service.models.manifest import parse_manifest
from service.models.plan import Stop
from service.models.recalibrated import derived_scores
from service.remedies.act import act
from service.remedies.bundle import bundle_new, digest_of, summary_of
from service.remedies.decide import Decision, approve
from service.remedies.promote import promote_challenger, take_back
from service.store.alarms import alarms_of, find_alarm, open_alarms_of
from service.store.engine import open_engine
from service.store.models import challengers, champion, versions
from service.store.objects import fetch_folder
from service.store.promotions import promotions_of
from service.store.references import active_reference, reference_by_id
from service.store.remedies import Remedy, State, count_stuck_remedies, remedies_of_model
from service.store.remedy_steps import Step, steps_of
from service.store.tables import outbox
from service.worker.calendar import day_of, number_of
from service.worker.grounds import Grounds
from service.worker.remedy import pick, stop_if_worse
from service.worker.subject import subject_with
from tests import postgres
from tests.api.serving import make_settings
from tests.worker.conftest import run
from tests.worker.hospital import QUIET_DAYS, REFERENCE_DAYS, Stream, day, make_film, send, send_days
from tests.worker.test_crash import BREAK, MEND

SHIFT = REFERENCE_DAYS + QUIET_DAYS
DECAYED = 40
FILMS = 60
LOG_ODDS = 1.5


def decay(engine: Engine, version: ModelVersion, first: int, days: int, *, seen_by: ModelVersion | None = None) -> None:
    """Days on which the truth is more frequent than the scores of version 1 say; `seen_by` answers them."""
    rng = np.random.default_rng(first)
    films = []
    for number in range(days * FILMS):
        film, _ = make_film(version.id, day(first + number // FILMS, 8 + (number % FILMS) / FILMS * 8), rng)
        truth = float(rng.random() < expit(float(film.scores.logits[0]) + LOG_ODDS))
        if seen_by is not None:
            logits = derived_scores(parse_manifest(version.manifest), parse_manifest(seen_by.manifest), film.scores.logits[None])[0]
            film = replace(film, model_version=seen_by.id, scores=replace(film.scores, logits=logits))
        films.append((film, truth))
    send(engine, version, films)


def remedy_of(engine: Engine) -> Remedy:
    with engine.connect() as connection:
        return remedies_of_model(connection, "chest")[0]


def words(engine: Engine, remedy: Remedy) -> list[str]:
    with engine.connect() as connection:
        return [step.step for step in steps_of(connection, remedy.id)]


def decide(engine: Engine, remedy: Remedy) -> None:
    with engine.begin() as connection:
        approve(connection, Decision(remedy.id, day(SHIFT + DECAYED), "owner", "the reports agree"))


@pytest.fixture(scope="module")
def decayed_template(server_url: str, settled_template: str) -> Iterator[str]:
    """A calibration alarm that asks for a remedy."""
    with postgres.database(server_url, settled_template) as url:
        engine = open_engine(url)
        with engine.connect() as connection:
            version = champion(connection, "chest")
        decay(engine, version, SHIFT, DECAYED)
        run(engine, day(SHIFT + DECAYED))
        engine.dispose()
        yield make_url(url).database or ""


@pytest.fixture
def asking(copies: Callable[[str], Engine], decayed_template: str) -> Engine:
    """The same, a copy for each test."""
    return copies(decayed_template)


@pytest.fixture
def decayed(asking: Engine) -> Engine:
    """The same, once its remedy is approved."""
    decide(asking, remedy_of(asking))
    return asking


def test_a_decayed_calibration_is_brought_back_by_a_version_that_is_watched_and_can_be_taken_back(
    decayed: Engine, version: ModelVersion
) -> None:
    at = day(SHIFT + DECAYED, 1)
    assert remedy_of(decayed).action == "recalibrate"
    act(decayed, at)
    remedy = remedy_of(decayed)
    assert (remedy.state, words(decayed, remedy)) == (State.CHALLENGED, ["approved", "challenged"])
    decision = Decision(remedy.id, at, "owner", "better on films it never saw")
    with decayed.begin() as connection, pytest.raises(NotPassedError):
        promote_challenger(connection, decision)
    with decayed.begin() as connection:
        promote_challenger(connection, decision, force=True)
        promote_challenger(connection, decision, force=True)
        better = champion(connection, "chest")
        assert (better.id, better.artifact_sha256) == (remedy.challenger, version.artifact_sha256)
        assert open_alarms_of(connection, version.id) == []
    act(decayed, at)
    act(decayed, at)
    assert words(decayed, remedy) == ["approved", "challenged", "promoted", "watched"]
    decay(decayed, version, SHIFT + DECAYED + 1, 30, seen_by=better)
    run(decayed, day(SHIFT + DECAYED + 31))
    with decayed.connect() as connection:
        assert alarms_of(connection, better.id) == []
    with decayed.begin() as connection:
        step = Step(remedy.id, "rolled_back", day(SHIFT + DECAYED + 31), "owner", "a try")
        assert take_back(connection, "chest", step).id == version.id
        assert take_back(connection, "chest", step).id == version.id
        assert [one.deed for one in promotions_of(connection, "chest")] == ["rolled_back", "promoted", "registered"]
    assert remedy_of(decayed).state == State.ROLLED_BACK
    decay(decayed, version, SHIFT + DECAYED + 31, 2)
    run(decayed, day(SHIFT + DECAYED + 33))
    with decayed.connect() as connection:
        assert [one for one in open_alarms_of(connection, version.id) if one.kind == "silence"] == []


def test_a_recalibration_flags_every_film_as_before_and_its_probabilities_are_right_again(decayed: Engine, version: ModelVersion) -> None:
    act(decayed, day(SHIFT + DECAYED, 1))
    with decayed.connect() as connection:
        (better,) = challengers(connection, "chest")
    before, after = parse_manifest(version.manifest), parse_manifest(better.manifest)
    scores = np.random.default_rng(5).normal(-1.0, 2.0, (4000, 1)).astype(np.float32)
    moved = derived_scores(before, after, scores)
    assert ((scores >= before.threshold_logits[0]) == (moved >= after.threshold_logits[0])).all()
    assert np.mean(moved - scores) == pytest.approx(LOG_ODDS, abs=0.3)


def test_what_would_hurt_a_site_is_refused_and_the_next_rung_is_proposed(settled: Engine, version: ModelVersion) -> None:
    send_days(settled, version, SHIFT, DECAYED, Stream(films=FILMS, south_log_odds=2.5))
    run(settled, day(SHIFT + DECAYED))
    refused = remedy_of(settled)
    assert refused.action == "recalibrate"
    decide(settled, refused)
    act(settled, day(SHIFT + DECAYED, 1))
    with settled.connect() as connection:
        last = steps_of(connection, refused.id)[-1]
        newer, older = remedies_of_model(connection, "chest")
    assert (last.step, last.details["findings"]["opacity"]["worse_in"]) == ("failed", ["site=north"])
    assert (older.state, newer.state, newer.action, newer.alarm) == (State.FAILED, State.PROPOSED, "retrain", older.alarm)


def test_a_retraining_is_asked_for_once_however_often_the_worker_looks(settled: Engine, version: ModelVersion) -> None:
    send_days(settled, version, SHIFT, DECAYED, Stream(films=FILMS, hidden=0.5))
    run(settled, day(SHIFT + DECAYED))
    remedy = remedy_of(settled)
    assert remedy.action == "retrain"
    decide(settled, remedy)
    for hour in range(1, 4):
        act(settled, day(SHIFT + DECAYED, hour))
    with settled.connect() as connection:
        (body,) = connection.scalars(select(outbox.c.body).where(outbox.c.kind == "retraining"))
    event = json.loads(body)
    assert (event["type"], event["data"]["remedy"], event["data"]["answer"]) == (
        "stepwedge.retraining.requested",
        str(remedy.id),
        f"/v1/remedies/{remedy.id}/challenger",
    )
    act(settled, day(SHIFT + DECAYED + 10))
    act(settled, day(SHIFT + DECAYED + 11))
    assert words(settled, remedy) == ["approved", "handed_over", "stuck"]
    with settled.connect() as connection:
        assert count_stuck_remedies(connection) == {(version.model, version.version, "retrain"): 1}


def test_a_model_that_comes_to_meet_its_stop_rule_is_proposed_to_be_stopped_once_in_the_place_of_what_waited(asking: Engine) -> None:
    waiting, last = remedy_of(asking), day_of(day(SHIFT + DECAYED - 1))
    with asking.connect() as connection:
        subject = subject_with(champion(connection, "chest"), reference_by_id(connection, find(connection, waiting).reference))
    ruled = subject.manifest.remedies.model_copy(update={"stop": Stop(sensitivity=0.99, minimum_positives=20)})
    strict = replace(subject, manifest=subject.manifest.model_copy(update={"remedies": ruled}))
    for one, states in ((subject, {"proposed": 1}), (strict, {"proposed": 1, "expired": 1}), (strict, {"proposed": 1, "expired": 1})):
        with asking.begin() as connection:
            stop_if_worse(connection, one, find(connection, waiting), number_of(last))
            assert Counter(str(remedy.state) for remedy in remedies_of_model(connection, "chest")) == states
    stopping = remedy_of(asking)
    assert (stopping.action, stopping.state, stopping.alarm) == ("stop", State.PROPOSED, waiting.alarm)
    with asking.connect() as connection:
        (step,) = steps_of(connection, waiting.id)
        assert "the lower bound of sensitivity of opacity is" in step.reason
        assert "below 0.99" in step.reason
        assert pick("performance", ruled, Grounds(stop=step.reason)) == "stop"


def find(connection: Connection, remedy: Remedy) -> Alarm:
    alarm = find_alarm(connection, remedy.alarm)
    assert alarm is not None
    return alarm


CRASHES = ("model_versions", "remedies", "remedy_steps", "audit")
"""Tables whose first write fails while an approved fit is carried out, in the order in which it is written."""


def test_a_worker_that_dies_at_any_write_leaves_one_challenger_and_one_step_of_each(decayed: Engine) -> None:
    at = day(SHIFT + DECAYED, 1)
    for table in CRASHES:
        with decayed.begin() as connection:
            connection.execute(text(BREAK.format(table=table, write=1)))
        with pytest.raises(DBAPIError, match="broken on purpose"):
            act(decayed, at)
        with decayed.begin() as connection:
            connection.execute(text(MEND))
    act(decayed, at)
    act(decayed, at)
    with decayed.connect() as connection:
        assert [one.state for one in versions(connection, "chest")] == ["shadow", "champion"]
    assert words(decayed, remedy_of(decayed)) == ["approved", "challenged"]


PROMOTION = ("model_versions", "promotions", "audit", "alarms", "remedies", "remedy_steps")
"""The same of a promotion: all of it happens or nothing."""


def test_a_promotion_that_dies_at_any_write_has_not_happened(decayed: Engine, version: ModelVersion) -> None:
    act(decayed, day(SHIFT + DECAYED, 1))
    remedy = remedy_of(decayed)
    decision = Decision(remedy.id, day(SHIFT + DECAYED, 2), "owner", "better")
    for table in PROMOTION:
        with decayed.begin() as connection:
            connection.execute(text(BREAK.format(table=table, write=1)))
        with pytest.raises(DBAPIError, match="broken on purpose"), decayed.begin() as connection:
            promote_challenger(connection, decision, force=True)
        with decayed.begin() as connection:
            connection.execute(text(MEND))
            assert champion(connection, "chest").id == version.id
            assert len(open_alarms_of(connection, version.id)) == 1
    with decayed.begin() as connection:
        assert promote_challenger(connection, decision, force=True).state == State.PROMOTED
    with decayed.begin() as connection, pytest.raises(RemedyStateError):
        promote_challenger(connection, replace(decision, actor="another"), force=True)
    with decayed.connect() as connection:
        assert active_reference(connection, remedy.challenger or 0) is None
        assert len(promotions_of(connection, "chest")) == 2


def test_a_proposal_that_nobody_decides_on_is_over_in_time(asking: Engine) -> None:
    act(asking, day(SHIFT + DECAYED + 60))
    remedy = remedy_of(asking)
    assert (remedy.state, words(asking, remedy)) == (State.EXPIRED, ["expired"])


def test_the_evidence_is_one_folder_named_by_its_content_and_a_page_to_read(asking: Engine, tmp_path: Path) -> None:
    settings = make_settings(asking.url.render_as_string(hide_password=False), tmp_path, review_alarms=False)
    at = day(SHIFT + DECAYED, 1)
    assert [bundle_new(asking, settings, at) for _ in range(2)] == [1, 0]
    remedy = remedy_of(asking)
    assert remedy.evidence_bundle is not None
    folder = fetch_folder(settings.object_folder, f"evidence/{remedy.evidence_bundle}", tmp_path / "copy")
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert digest_of(files) == remedy.evidence_bundle
    assert {"alarm.json", "plan.json", "model.json", "reference.bin", "code.json", "replay.json", "summary.html"} <= set(files)
    assert json.loads(files["replay.json"])["differing"] == []
    page = summary_of(settings, remedy.evidence_bundle).decode()
    assert "probabilities no longer match" in page
    assert "The same films are flagged as before" in page
    assert words(asking, remedy) == ["evidence"]
    stored = Path(settings.object_folder) / "evidence" / remedy.evidence_bundle / "summary.html"
    stored.write_text("another page")
    with pytest.raises(DamagedObjectError):
        summary_of(settings, remedy.evidence_bundle)
