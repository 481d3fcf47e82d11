"""Before a site, a scanner or a version goes live it is judged on local films, and what was found is signed."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from detectors.decision import Decision
from service.domain import ModelVersion
from service.errors import DamagedReportError, InvalidRequestError
from service.remedies.accept import Accepted, Local, accept
from service.remedies.accept_report import page_of, report_of, verified
from service.remedies.signature import public_key_of, sign
from service.store.audit import entries
from service.store.models import find_version
from tests.remedies.rivals import BEGIN, NOW, make_version, tell
from tests.running import KEY

SECRET = KEY.encode()
CLAIMS = {"auroc": 0.85, "sensitivity": 0.7, "specificity": 0.6}


@pytest.fixture
def champion(engine: Engine) -> ModelVersion:
    """It answered six hundred films of two sites, with labels."""
    with engine.begin() as connection:
        version = make_version(connection, "1", state="champion")
    tell(engine, version, None)
    return version


def judged(engine: Engine, version: ModelVersion, place: str = "site=south", **declared: object) -> Accepted:
    with engine.connect() as connection:
        return accept(connection, version, Local(place, BEGIN - timedelta(days=1), **declared), NOW)  # type: ignore[arg-type] # handed through


def test_what_was_claimed_is_reached_on_local_films_or_it_is_said_how_many_more_are_needed(engine: Engine, champion: ModelVersion) -> None:
    found = judged(engine, champion, claims=CLAIMS)
    assert (found.decision, found.against) == (Decision.PASS, "claim"), found.summary
    assert 250 < found.cases < 350
    short = judged(engine, champion, claims=CLAIMS, cases=40)
    assert (short.decision, short.cases) == (Decision.NOT_YET, 40)
    assert short.more is not None
    assert "more labelled films of this place are needed" in short.summary
    more_than_there_are = judged(engine, champion, claims=CLAIMS, cases=1000)
    assert (more_than_there_are.decision, more_than_there_are.more) == (Decision.NOT_YET, 1000 - found.cases)
    nowhere = judged(engine, champion, "ManufacturerModelName=NONE", claims=CLAIMS)
    assert (nowhere.decision, nowhere.cases) == (Decision.NOT_YET, 0)


def test_a_site_at_which_it_misses_films_is_refused_against_everywhere_else(engine: Engine, champion: ModelVersion) -> None:
    with engine.begin() as connection:
        missed = (
            "update predictions p set logits = array[-3.0] from labels l where l.prediction = p.id and l.value = 1 and p.site = 'south'"
        )
        connection.execute(text(missed))
    found = judged(engine, champion)
    assert (found.decision, found.against) == (Decision.FAIL, "elsewhere")
    assert "sensitivity of opacity" in found.summary
    (line,) = (one for one in found.criteria if one.measure == "sensitivity")
    assert line.difference is not None
    assert line.difference < -0.5


def test_a_challenger_is_judged_beside_the_champion_on_the_films_of_the_place(engine: Engine, champion: ModelVersion) -> None:
    with engine.begin() as connection:
        challenger = make_version(connection, "2")
    tell(engine, champion, challenger, south=6.0, seed=1, beyond=600)
    south, north = (judged(engine, challenger, f"site={site}") for site in ("south", "north"))
    assert (south.decision, south.against) == (Decision.FAIL, "champion")
    assert north.decision is Decision.PASS, north.summary
    assert {one.cell for one in north.criteria} == {"site=north"}


def test_what_is_no_place_or_claim_or_has_nothing_to_be_held_against_is_refused(engine: Engine, champion: ModelVersion) -> None:
    for place, claims in (("south", {}), ("site=", {}), ("all", {"beauty": 0.9}), ("all", {"auroc": 93.0})):
        with pytest.raises(InvalidRequestError):
            Local(place, claims=claims)
    with pytest.raises(InvalidRequestError, match="against itself"):
        judged(engine, champion, "all")


def test_a_report_that_was_changed_anywhere_or_signed_by_another_is_known(engine: Engine, champion: ModelVersion) -> None:
    local = Local("site=south", BEGIN - timedelta(days=1), claims=CLAIMS)
    with engine.connect() as connection:
        signed = sign(report_of(champion, local, accept(connection, champion, local, NOW), NOW, "owner"), SECRET)
    page, key = page_of(signed), public_key_of(SECRET)
    assert verified(page, key) == verified(signed.to_json(), key) == signed
    assert "Not worse than what was claimed for it" in page
    changed = (signed.to_json().replace('"pass"', '"fail"'), page.replace("0.85", "0.95"), page.replace("<h1>", "<h1>Great "), "{}", "")
    for text_ in changed:
        with pytest.raises(DamagedReportError):
            verified(text_, key)
    with pytest.raises(DamagedReportError):
        verified(page, public_key_of(b"another" + SECRET))


def test_the_command_writes_a_report_that_verifies_and_an_act_into_the_audit_log(
    engine: Engine, champion: ModelVersion, postgres_url: str, tmp_path: Path
) -> None:
    around = {
        "DATABASE_URL": postgres_url,
        "STEPWEDGE_DATA_DIR": str(tmp_path),
        "STEPWEDGE_PSEUDONYM_KEY": KEY,
        "PYTHONPATH": ":".join(sys.path),
    }

    def stepwedge(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "service", *words], env=around, capture_output=True, text=True, check=False, timeout=120
        )

    since = f"{BEGIN - timedelta(days=1):%Y-%m-%d}"
    claims = [word for name, value in CLAIMS.items() for word in ("--claim", f"{name}={value}")]
    done = stepwedge("accept", "run", "chest", "--of", "site=south", "--since", since, *claims, "--out", str(tmp_path / "report.html"))
    assert (done.returncode, done.stdout[:5]) == (0, "PASS:"), done.stderr
    shown = stepwedge("accept", "verify", str(tmp_path / "report.html"))
    assert (shown.returncode, "site=south: pass" in shown.stdout) == (0, True)
    with engine.connect() as connection:
        assert find_version(connection, "chest", "1") is not None
        last = list(entries(connection))[-1].act
    assert (last.deed, last.details["decision"]) == ("acceptance.run", "pass")
    assert json.loads((tmp_path / "report.html").read_text().split('id="signed">')[1].split("</script>")[0])["report"]["cases"] > 0
