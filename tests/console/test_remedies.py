"""The list of remedies and the page of one, where it is decided on for a reason, once."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import httpx
import pytest
from sqlalchemy import Engine

from detectors.decision import Decision
from service.config import Settings
from service.remedies.comparison import Comparison, Criterion
from service.store.alarms import open_alarm
from service.store.audit import entries
from service.store.canaries import Canary, canaries_of, standing_canary
from service.store.comparisons import StoredComparison, add_comparison
from service.store.ids import uuid7
from service.store.models import champion, register
from service.store.references import active_reference
from service.store.remedies import Remedy, State, find_remedy, open_remedy, set_fields
from tests.api.readings import settle
from tests.api.test_monitoring import make_alarm
from tests.console.visits import enter, visiting

HOSTILE = "<script>alert(1)</script>\"'; drop table remedies; --"
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DECIDER = "owner"


@pytest.fixture
def remedy(client: httpx.Client, engine: Engine) -> UUID:
    """A proposal to recalibrate `chest` 1, on which only one caller may decide."""
    settle(engine)
    with engine.begin() as connection:
        version = champion(connection, "chest").id
        stored = active_reference(connection, version)
        assert stored is not None
        alarm = make_alarm(version, stored.id)
        open_alarm(connection, alarm)
        made = Remedy(
            uuid7(NOW), alarm.id, "recalibrate", State.PROPOSED, NOW, model_version=version, plan={"approvers": [DECIDER, "someone-else"]}
        )
        assert open_remedy(connection, made)
    return made.id


def challenge(engine: Engine, remedy: UUID, decision: Decision = Decision.FAIL, version: str = "2") -> None:
    """Give the remedy a challenger that is worse at one site, or passes all the same."""
    with engine.begin() as connection:
        first = champion(connection, "chest")
        second = register(
            connection,
            model="chest",
            version=version,
            manifest=first.manifest,
            artifact_sha256=version,
            package="none",
            at=NOW,
            state="shadow",
        )
        worse = Criterion("auroc", "opacity", f"site={HOSTILE}", decision, 0.9, 0.7, -0.2, -0.3, -0.1, 0.1, n=400, positives=80)
        found = Comparison("chest", "1", version, decision, HOSTILE, 400, 12.0, None, None, (worse,))
        add_comparison(connection, StoredComparison(first.id, second.id, NOW, decision, found.to_json()))
        set_fields(connection, remedy, {"challenger": second.id, "state": State.CHALLENGED})


def test_who_may_operate_decides_once_and_everybody_sees_who_and_why(
    client: httpx.Client, settings: Settings, engine: Engine, remedy: UUID
) -> None:
    page = f"/console/remedies/{remedy}"
    assert page in client.get("/console/remedies").text
    with visiting(str(client.base_url)) as visit:
        enter(visit, settings, "looker", "read")
        assert "Approve</button>" not in visit.page(page)
        assert visit.send(f"{page}/approve", reason="no").status_code == 403
        enter(visit, settings, "operator", "read", "operate")
        assert "someone-else" in visit.page(page)
        assert visit.send(f"{page}/approve", on=page, reason="not named by the plan").status_code == 403
        enter(visit, settings, DECIDER, "read", "operate")
        assert visit.send(f"{page}/approve", on=page, reason=" ").status_code == 400
        assert visit.send(f"{page}/nothing", on=page, reason="because").status_code == 400
        assert visit.send(f"{page}/approve", on=page, reason=HOSTILE).status_code == 303
        assert visit.send(f"{page}/approve", on=page, reason="again").status_code == 409
        shown = visit.page(page)
    assert f"by {DECIDER}" in shown
    assert "&lt;script&gt;alert(1)" in shown
    assert "<script>alert" not in shown
    with engine.connect() as connection:
        found = find_remedy(connection, remedy)
        assert found is not None
        assert found.state == State.APPROVED
        acts = [(entry.act.actor, entry.act.details["step"]) for entry in entries(connection) if entry.act.deed == "remedy.step"]
    assert acts == [(DECIDER, "approved")]


def test_a_challenger_that_is_worse_somewhere_is_shown_and_not_promoted(
    client: httpx.Client, settings: Settings, engine: Engine, remedy: UUID
) -> None:
    challenge(engine, remedy)
    page = f"/console/remedies/{remedy}"
    with visiting(str(client.base_url)) as visit:
        enter(visit, settings, DECIDER, "read", "operate")
        shown = visit.page(page)
        assert "Fail</span>" in shown
        assert "site = &lt;script&gt;" in shown
        assert "<script>alert" not in shown
        assert visit.send(f"{page}/promote", on=page, reason="it must").status_code == 409
        assert visit.send(f"{page}/roll-back", on=page, reason="it never answered").status_code == 409
        assert visit.send(f"{page}/reject", on=page, reason="worse at one site").status_code == 303
        assert "it is over" in visit.page(page)
    with engine.connect() as connection:
        assert champion(connection, "chest").version == "1"


def test_a_challenger_that_has_passed_answers_in_part_until_somebody_ends_it(
    client: httpx.Client, settings: Settings, engine: Engine, remedy: UUID
) -> None:
    challenge(engine, remedy)
    page, part = f"/console/remedies/{remedy}", {"percent": "12.5", "sites": f"south, {HOSTILE}"}
    with visiting(str(client.base_url)) as visit:
        enter(visit, settings, "operator", "read", "operate")
        assert visit.send(f"{page}/canary", on=page, reason="not named by the plan", **part).status_code == 403
        enter(visit, settings, DECIDER, "read", "operate")
        assert 'name="percent"' in visit.page(page)
        assert "End the part</button>" not in visit.page(page)
        assert visit.send(f"{page}/canary", on=page, reason="it is worse somewhere", **part).status_code == 409
        challenge(engine, remedy, Decision.PASS, "3")
        for wrong in ({}, {"percent": "", "sites": " , "}, {"percent": "many"}, {"percent": "101"}, {"percent": "nan"}, {"sites": "a, a"}):
            assert visit.send(f"{page}/canary", on=page, reason="it is no part", **wrong).status_code == 400
        assert visit.send(f"{page}/canary", on=page, **part).status_code == 400
        assert standing(engine) is None
        assert visit.send(f"{page}/canary", on=page, reason="seen at work first", **part).status_code == 303
        shown = visit.page(page)
        assert "Version 3 answers since" in shown
        assert "12.5 % of the patients and all films of south, &lt;script&gt;" in shown
        assert "<script>alert" not in shown
        assert f"by {DECIDER}<br>seen at work first" in shown
        assert visit.send(f"{page}/abort", on=page, reason="enough was seen").status_code == 303
        assert "End the part</button>" not in visit.page(page)
        assert "enough was seen" in visit.page(page)
        assert visit.send(f"{page}/abort", on=page, reason="it is over already").status_code == 303
    assert standing(engine) is None
    with engine.connect() as connection:
        (ended,) = canaries_of(connection, "chest")
        deeds = [(entry.act.actor, entry.act.deed) for entry in entries(connection) if entry.act.deed.startswith("canary")]
    assert (ended.share, ended.begun_by, ended.ended_by, ended.end_reason) == (0.125, DECIDER, DECIDER, "enough was seen")
    assert deeds == [(DECIDER, "canary.begun"), (DECIDER, "canary.ended")]


def standing(engine: Engine) -> Canary | None:
    with engine.connect() as connection:
        return standing_canary(connection, "chest")


def test_without_remedies_the_list_says_so_and_what_is_none_is_not_found(shared: httpx.Client) -> None:
    assert "No remedy is open" in shared.get("/console/remedies").text
    assert shared.get("/console/remedies/none").status_code == 404
    assert shared.get(f"/console/remedies/{UUID(int=1)}").status_code == 404
