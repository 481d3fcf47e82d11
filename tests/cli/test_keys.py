"""Keys and the audit log from the command line."""

from __future__ import annotations

import json
import re
from pathlib import Path

from sqlalchemy import Engine, text

from service.gateway.api_key import digest_of
from tests.cli.running import failure, stepwedge


def test_a_key_is_shown_once_listed_and_revoked(postgres_url: str, engine: Engine, tmp_path: Path) -> None:
    def run(*arguments: str):
        return stepwedge(*arguments, data_dir=tmp_path, DATABASE_URL=postgres_url)

    assert "No key yet" in run("keys", "list").stdout
    made = run("keys", "create", "pacs", "--role", "predict", "--role", "read", "--expires", "2199-01-01")
    assert made.returncode == 0, made.stderr
    key = made.stdout.strip()
    assert re.fullmatch(r"sw_[0-9A-Za-z]{49}", key)
    digest = digest_of(key)
    assert digest is not None
    listed = run("keys", "list").stdout
    assert digest.hex()[:12] in listed
    assert "predict, read" in listed
    assert key not in listed
    revoked = run("keys", "revoke", "pacs")
    assert digest.hex()[:12] in revoked.stdout
    assert "revoked" in run("keys", "list").stdout
    assert "keys list" in failure(run("keys", "revoke", "pacs"))
    whole = run("audit", "verify")
    assert whole.returncode == 0, whole.stderr
    head = whole.stdout.strip().rpartition(" ")[2]
    exported = [json.loads(line) for line in run("audit", "export").stdout.splitlines()]
    assert [(line["deed"], line["subject"]) for line in exported] == [
        ("key.created", digest.hex()[:12]),
        ("key.revoked", digest.hex()[:12]),
    ]
    assert key not in str(exported)
    with engine.begin() as connection:
        connection.execute(text("alter table audit disable trigger all"))
        connection.execute(text("delete from audit where seq = 2"))
    assert run("audit", "verify").returncode == 0
    assert "row 2" in failure(run("audit", "verify", "--head", head))


def test_what_is_wrong_is_said(postgres_url: str, tmp_path: Path) -> None:
    for arguments in (
        ("keys", "create", "Dr. Who", "--role", "read"),
        ("keys", "create", "anonymous", "--role", "read"),
        ("keys", "create", "pacs", "--role", "read", "--expires", "2020-01-01"),
        ("audit", "verify", "--head", "wrong"),
    ):
        failure(stepwedge(*arguments, data_dir=tmp_path, DATABASE_URL=postgres_url))
