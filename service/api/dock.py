"""Dock: where the instances of one STOW-RS request come in, piece by piece, and wait on disk until all are there."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from service.api.forward import EXPECTED, Forwarded
from service.api.later import discard
from service.api.state import Service
from service.api.stored import Fate, Reason
from service.errors import InboxFullError, StepwedgeError, TooLargeError, UnavailableError, UndecodableError, UnsupportedSyntaxError
from service.gateway.admit import Seat
from service.gateway.draft import Draft
from service.gateway.look import Look, look_at

INSTANCES = frozenset(("", "application/dicom", "application/octet-stream"))
PLAIN = frozenset(("", "binary", "8bit", "7bit"))
UID = re.compile(r"[0-9.]{1,64}", re.ASCII)
WRITE_BYTES = 1 << 18
NAMELESS = "The instance does not say what it is called."
OTHER_STUDY = "The instance belongs to another study than the address says."


@dataclass(frozen=True, slots=True)
class Arrived:
    """One part that is complete: what became of it, its file if it is stored, and what a look at it found."""

    fate: Fate
    draft: Draft
    look: Look | None = None
    error: StepwedgeError | None = None


@dataclass(slots=True)
class Parcel:
    """One part while it arrives. error: why it is not stored, once that is known; what still comes of it is passed over."""

    draft: Draft
    error: StepwedgeError | None = None
    pending: bytearray = field(default_factory=bytearray)


class Dock:
    """Where the parts of one request come in, piece by piece, and wait on disk until all are there."""

    def __init__(self, service: Service, seat: Seat, asks: Forwarded) -> None:
        self._service = service
        self._seat = seat
        self._asks = asks
        self._parcel: Parcel | None = None
        self.arrived: list[Arrived] = []

    def begin(self, headers: Mapping[str, str]) -> None:
        """A part begins."""
        kind = headers.get("content-type", "").split(";")[0].strip().lower()
        readable = kind in INSTANCES and headers.get("content-transfer-encoding", "").lower() in PLAIN
        draft = self._service.inbox.draft()
        self._parcel = Parcel(draft, None if readable else UnsupportedSyntaxError(EXPECTED))

    async def add(self, piece: bytes) -> None:
        """More of the part that has begun."""
        parcel = self._begun()
        if parcel.error is None:
            parcel.pending += piece
            if len(parcel.pending) >= WRITE_BYTES:
                await self._write(parcel)
        else:
            self._seat.put_down(len(piece))

    async def end(self) -> None:
        """The part is complete: look at it."""
        parcel = self._begun()
        await self._write(parcel)
        self._parcel = None
        self.arrived.append(await asyncio.to_thread(self._judged, parcel))

    def clear(self) -> None:
        """Leave nothing of what came."""
        discard([one.draft for one in self.arrived])
        if self._parcel is not None:
            self._parcel.draft.discard()

    def _begun(self) -> Parcel:
        if self._parcel is None:
            raise RuntimeError("no part has begun")
        return self._parcel

    async def _write(self, parcel: Parcel) -> None:
        pending, parcel.pending = bytes(parcel.pending), bytearray()
        self._seat.put_down(len(pending))
        if parcel.error is None and parcel.draft.size + len(pending) > self._service.gateway.limits.body_bytes:
            parcel.error = TooLargeError()
        if parcel.error is None and pending:
            try:
                await asyncio.to_thread(parcel.draft.write, pending)
            except InboxFullError as error:
                parcel.error = error
            except OSError:
                parcel.error = UnavailableError()
        if parcel.error is not None:
            await asyncio.to_thread(parcel.draft.discard)

    def _judged(self, parcel: Parcel) -> Arrived:
        """In a thread: what becomes of the part."""
        if parcel.error is not None:
            return Arrived(Fate(reason=reason_of(parcel.error)), parcel.draft, None, parcel.error)
        try:
            parcel.draft.seal()
            look = look_at(parcel.draft.path, self._service.gateway.limits, self._asks.models or {})
        except StepwedgeError as error:
            return Arrived(Fate(reason=reason_of(error)), parcel.draft, None, error.with_traceback(None))
        except OSError:
            return Arrived(Fate(reason=Reason.PROCESSING_FAILURE), parcel.draft, None, UnavailableError())
        if not (UID.fullmatch(look.sop_class) and UID.fullmatch(look.instance)):
            return Arrived(Fate(reason=Reason.CANNOT_UNDERSTAND), parcel.draft, None, UndecodableError(NAMELESS))
        fate = Fate(look.sop_class, look.instance)
        if self._asks.study is not None and look.study is not None and look.study != self._asks.study:
            return Arrived(replace(fate, reason=Reason.OTHER_STUDY), parcel.draft, None, UndecodableError(OTHER_STUDY))
        return Arrived(fate, parcel.draft, look)


def reason_of(error: StepwedgeError) -> Reason:
    """The reason that the sender is told."""
    if isinstance(error, InboxFullError | TooLargeError):
        return Reason.OUT_OF_RESOURCES
    return Reason.PROCESSING_FAILURE if isinstance(error, UnavailableError) else Reason.CANNOT_UNDERSTAND
