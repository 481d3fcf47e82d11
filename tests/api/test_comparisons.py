"""A remedy's challenger beside the champion, over HTTP and at the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine

from service.config import Settings
from service.remedies.recompare import compared
from service.store.models import find_version
from service.store.remedies import set_fields
from tests.api.serving import serving
from tests.cli.running import stepwedge
from tests.remedies.builders import make_remedy
from tests.remedies.rivals import NOW, PLAN, make_version, tell


@pytest.fixture
def client(settings: Settings, engine: Engine) -> Iterator[httpx.Client]:
    """A gateway that nobody asks to predict."""
    with serving(settings) as client:
        yield client


def test_a_comparison_is_told_as_the_worker_found_it_and_made_anew_on_demand(
    client: httpx.Client, engine: Engine, settings: Settings, tmp_path: Path
) -> None:
    with engine.begin() as connection:
        champion, challenger = make_version(connection, "1", state="champion"), make_version(connection, "2")
    remedy = make_remedy(engine, "retrain", plan={"acceptance": {**PLAN, "auroc_margin": 0.001}})
    address = f"/v1/remedies/{remedy.id}/comparison"
    assert client.get(address).json()["type"] == "/problems/no-comparison"
    with engine.begin() as connection:
        set_fields(connection, remedy.id, {"challenger": challenger.id})
    assert client.get(address).json()["type"] == "/problems/no-comparison"
    tell(engine, champion, challenger, 300)
    found = compared(engine, challenger, NOW)
    told = client.get(address).json()
    assert (told["decision"], told["summary"], told["cases"]) == ("not yet", found.summary, 300)
    assert next(one for one in told["criteria"] if one["measure"] == "auroc")["limit"] == 0.001
    assert client.get(address, params={"now": True}).json()["criteria"] != []
    with engine.connect() as connection:
        assert find_version(connection, "chest", "2") == challenger
    said = stepwedge("compare", "chest", "2", "--json", data_dir=tmp_path, DATABASE_URL=str(settings.database_url))
    assert said.returncode == 2, said.stderr
    assert json.loads(said.stdout)["decision"] == "not yet"
    table = stepwedge("compare", "chest", "2", data_dir=tmp_path, DATABASE_URL=str(settings.database_url)).stdout
    assert table.startswith("NOT YET: ")
    assert "site=south" in table
