"""What is accepted is on disk, is found again by whoever comes next, and leaves nothing behind when it is done."""

from __future__ import annotations

import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.errors import InboxFullError
from service.gateway.draft import Draft
from service.gateway.inbox import LEAST_BYTES, Inbox
from service.gateway.job import Job, State, new_id

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
ROOM = 64 * LEAST_BYTES


def drafted(inbox: Inbox, body: bytes = b"film") -> Draft:
    draft = inbox.draft()
    draft.write(body)
    return draft


def job_of(draft: Draft, model: str | None = "chest") -> Job:
    return Job(new_id(), new_id(), 1, draft.id, model, "main", "pacs", NOW, NOW, draft.size)


def accepted(inbox: Inbox, body: bytes = b"film") -> Job:
    draft = drafted(inbox, body)
    job = job_of(draft)
    inbox.accept([draft], [job])
    return job


def left(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file() and path.name != "lock"]


def ended(job: Job) -> Job:
    return replace(job, state=State.DONE, ended_at=NOW)


def test_an_instance_goes_with_its_last_job_and_a_job_once_its_end_is_known(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path, most_bytes=ROOM)
    draft = drafted(inbox)
    first, second = job_of(draft), job_of(draft)
    inbox.accept([draft], [first, second])
    inbox.end(ended(first))
    assert inbox.read(second) == b"film"
    inbox.end(ended(second))
    assert not draft.path.exists()
    for job in (first, second):
        inbox.forget(job)
    assert (left(tmp_path), inbox.used_bytes) == ([], 0)


def test_only_the_owner_can_read_what_waits(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "inbox", most_bytes=ROOM)
    accepted(inbox)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "inbox").rglob("*")}
    assert modes == {0o600, 0o700}


def test_what_a_process_left_is_taken_over_by_one_only_and_what_it_had_not_accepted_is_removed(tmp_path: Path) -> None:
    gone = Inbox(tmp_path, most_bytes=ROOM)
    job = accepted(gone)
    running = replace(accepted(gone, b"other"), state=State.RUNNING)
    gone.note(running)
    drafted(gone)._file.close()
    assert Inbox(tmp_path, most_bytes=ROOM).adopt() == []  # its owner lives
    gone.close()
    next_one, another = (Inbox(tmp_path, most_bytes=ROOM) for _ in range(2))
    found = {one.id: one for one in next_one.adopt()}
    assert found == {job.id: job, running.id: replace(running, state=State.QUEUED, crashes=1)}
    assert another.adopt() == []
    assert another.elsewhere(job.id) == job
    assert sorted(path.suffix for path in left(tmp_path)) == [".dcm", ".dcm", ".json", ".json"]
    for one in found.values():
        assert next_one.read(one) in {b"film", b"other"}
        next_one.end(ended(one))
        next_one.forget(one)
    assert (left(tmp_path), next_one.used_bytes) == ([], 0)


def test_a_job_that_ended_unheard_is_found_without_its_instance(tmp_path: Path) -> None:
    gone = Inbox(tmp_path, most_bytes=ROOM)
    job = ended(accepted(gone))
    gone.end(job)
    gone.close()
    inbox = Inbox(tmp_path, most_bytes=ROOM)
    assert inbox.adopt() == [job]
    inbox.forget(job)
    assert (left(tmp_path), inbox.used_bytes) == ([], 0)


def test_what_is_over_the_bound_is_not_taken_and_leaves_nothing(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path, most_bytes=4 * LEAST_BYTES)
    big = inbox.draft()
    with pytest.raises(InboxFullError):
        big.write(bytes(5 * LEAST_BYTES))
    big.discard()
    draft = drafted(inbox, bytes(2 * LEAST_BYTES))
    with pytest.raises(InboxFullError):
        inbox.accept([draft], [job_of(draft) for _ in range(3)])
    draft.discard()
    accepted(inbox)
    assert len(inbox.jobs) == 1


def test_files_that_are_no_jobs_keep_nobody_from_starting(tmp_path: Path) -> None:
    gone = Inbox(tmp_path, most_bytes=ROOM)
    job = accepted(gone)
    for name, content in (("torn", b'{"id"'), ("list", b"[]"), ("empty", b""), ("other", b'{"id": 3}')):
        (gone.folder / f"{name}.json").write_bytes(content)
    (tmp_path / "stray").write_text("a file")
    (tmp_path / "folder").mkdir()
    gone.close()
    assert Inbox(tmp_path, most_bytes=ROOM).adopt() == [job]
