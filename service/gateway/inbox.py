"""Inbox: instances that wait for their answer, durable on the local volume before anybody is told that we have them.

<data_dir>/inbox/<process>/lock              held as long as the process lives
                          <instance>.dcm     one instance, as it came
                          <request>.json     one job: which model is asked about which instance, and how far that is

A folder whose lock is free was left by a process that is gone: whoever starts, or looks round, holds it from then on. Nothing is
moved, so a process that dies while it takes over loses nothing either.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import RLock
from uuid import UUID, uuid4

import structlog

from service.errors import InboxFullError
from service.gateway.draft import Draft
from service.gateway.job import Job, State, read_job, write_job
from service.store.durable import PRIVATE_FOLDER, sync_folder, try_hold, write_durably

log = structlog.get_logger()

LEAST_BYTES = 128 * 1024
"""What a job counts for besides its instance, so that the bound on bytes bounds the number of jobs too."""
SPARE_BYTES = 256 * 2**20
"""What stays free of the volume: the spool of answers lies there too."""
LOCK = "lock"
INSTANCE, JOB = ".dcm", ".json"


class Inbox:
    """The jobs of this process and their instances. Every call but a look at a field may wait for the disk, and may come from any thread."""

    def __init__(self, root: Path, *, most_bytes: int) -> None:
        """Make a folder of our own; `adopt` takes over what others left.

        Args:
            root: Folder of all processes on this volume.
            most_bytes: What may wait here at most.
        """
        self.most_bytes = most_bytes
        self.used_bytes = 0
        self.jobs: dict[UUID, Job] = {}
        self._root = root
        self._guard = RLock()
        self._homes: dict[UUID, Path] = {}
        self._held: dict[Path, int] = {}
        self._users: dict[UUID, int] = {}
        self.folder = self._found()

    def draft(self) -> Draft:
        """A new instance to be written."""
        return Draft(self.folder / f"{uuid4()}{INSTANCE}", self.reserve, self.give_back)

    def reserve(self, count: int) -> None:
        """Count bytes that are about to be written.

        Raises:
            InboxFullError: They are over the bound, or the volume is nearly full.
        """
        volume = os.statvfs(self._root)
        with self._guard:
            if self.used_bytes + count > self.most_bytes or volume.f_bavail * volume.f_frsize < SPARE_BYTES + count:
                raise InboxFullError
            self.used_bytes += count

    def give_back(self, count: int) -> None:
        with self._guard:
            self.used_bytes -= count

    def accept(self, drafts: Sequence[Draft], jobs: Sequence[Job]) -> None:
        """Make instances and their jobs ours: when this returns, neither a crash nor a power cut loses one of them.

        Raises:
            InboxFullError: So many jobs are over the bound; none is accepted.
        """
        floor = LEAST_BYTES * len(jobs)
        self.reserve(floor)
        try:
            for draft in drafts:
                draft.seal()
            for job in jobs:
                write_durably(self.folder / f"{job.id}{JOB}", [write_job(job)])
            sync_folder(self.folder)
        except BaseException:
            for job in jobs:
                (self.folder / f"{job.id}{JOB}").unlink(missing_ok=True)
            self.give_back(floor)
            raise
        with self._guard:
            for job in jobs:
                self._keep(job, self.folder)

    def read(self, job: Job) -> bytes:
        """The instance of a job."""
        return self.path_of(job).read_bytes()

    def path_of(self, job: Job) -> Path:
        """Where the instance of a job lies."""
        return self._homes[job.id] / f"{job.instance}{INSTANCE}"

    def note(self, job: Job) -> None:
        """Write down how far a job is. Not synced: after a power cut its work is done again, which changes nothing."""
        self._write(job, sync=False)

    def share(self, first: Job, others: Sequence[Job]) -> None:
        """Add jobs about the instance of one that is here: it turned out that several models take it."""
        with self._guard:
            home = self._homes[first.id]
        for job in others:
            write_durably(home / f"{job.id}{JOB}", [write_job(job)])
        sync_folder(home)
        with self._guard:
            for job in others:
                self._keep(job, home)
                self.used_bytes += LEAST_BYTES

    def end(self, job: Job) -> None:
        """Write down the end of a job; its instance goes with the last job that needs it."""
        self._write(job, sync=True)
        with self._guard:
            self._users[job.instance] -= 1
            unused = self._users[job.instance] == 0
            if unused:
                del self._users[job.instance]
                self.used_bytes -= job.size
        if unused:
            self.path_of(job).unlink(missing_ok=True)

    def forget(self, job: Job) -> None:
        """Remove an ended job, whose end is known elsewhere by now; a folder that was taken over goes with its last one."""
        with self._guard:
            home = self._homes.pop(job.id, None)
            if home is None:
                return
            del self.jobs[job.id]
            self.used_bytes -= LEAST_BYTES
            (home / f"{job.id}{JOB}").unlink(missing_ok=True)
            if home != self.folder and home not in self._homes.values():
                self._leave(home, empty=True)

    def adopt(self) -> list[Job]:
        """Jobs that processes left which are gone; they are ours now."""
        found: list[Job] = []
        for folder in self._root.iterdir():
            if folder in self._held or folder.name.startswith(".") or not folder.is_dir():
                continue
            lock = _free(folder)
            if lock is not None:
                with self._guard:
                    self._held[folder] = lock
                    found += self._take_over(folder)
        return found

    def elsewhere(self, identifier: UUID) -> Job | None:
        """A job of another process on this volume."""
        for path in self._root.glob(f"*/{identifier}{JOB}"):
            with suppress(OSError, ValueError):
                return read_job(path.read_bytes())
        return None

    def close(self) -> None:
        """Let go of everything; what still waits is taken over by whoever comes next."""
        with self._guard:
            for folder in list(self._held):
                self._leave(folder, empty=folder not in self._homes.values())

    def _found(self) -> Path:
        """A folder of our own, under a name that nobody looks at until its lock is held."""
        self._root.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        name = str(uuid4())
        founding = self._root / f".{name}"
        founding.mkdir(mode=PRIVATE_FOLDER)
        lock = try_hold(founding / LOCK)
        folder = founding.rename(self._root / name)
        sync_folder(self._root)
        if lock is not None:
            self._held[folder] = lock
        return folder

    def _leave(self, folder: Path, *, empty: bool) -> None:
        lock = self._held.pop(folder)
        if empty:
            shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)

    def _take_over(self, folder: Path) -> list[Job]:
        jobs = [_recovered(job) for job in _jobs_in(folder)]
        needed = {job.instance for job in jobs if not job.ended}
        for path in folder.glob(f"*{INSTANCE}"):
            if path.stem not in {str(instance) for instance in needed}:
                path.unlink(missing_ok=True)
        self.used_bytes += sum({job.instance: job.size for job in jobs if not job.ended}.values()) + LEAST_BYTES * len(jobs)
        for job in jobs:
            self._keep(job, folder)
        if not jobs:
            self._leave(folder, empty=True)
        return jobs

    def _keep(self, job: Job, home: Path) -> None:
        self.jobs[job.id] = job
        self._homes[job.id] = home
        if not job.ended:
            self._users[job.instance] = self._users.get(job.instance, 0) + 1

    def _write(self, job: Job, *, sync: bool) -> None:
        write_durably(self._homes[job.id] / f"{job.id}{JOB}", [write_job(job)], sync=sync)
        self.jobs[job.id] = job


def _recovered(job: Job) -> Job:
    """A job that was in work ended with its process."""
    return replace(job, state=State.QUEUED, crashes=job.crashes + 1) if job.state is State.RUNNING else job


def _free(folder: Path) -> int | None:
    """The lock of a folder that nobody holds, and that is still there now that it is ours."""
    try:
        lock = try_hold(folder / LOCK)
    except OSError:
        return None
    if lock is not None and not (folder / LOCK).exists():
        os.close(lock)
        return None
    return lock


def _jobs_in(folder: Path) -> Iterator[Job]:
    """The jobs of a folder; what is none is told to the log and left out."""
    for path in sorted(folder.glob(f"*{JOB}")):
        try:
            yield read_job(path.read_bytes())
        except (OSError, ValueError) as error:
            log.error("inbox_job_unreadable", kind=type(error).__name__)  # noqa: TRY400 - its class is enough
