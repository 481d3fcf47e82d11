"""Capture: where an answer becomes durable before it is given. Postgres if it is there, else the spool, else what the site has decided."""

from __future__ import annotations

from dataclasses import dataclass

from service.domain import Durability, Prediction, Recorded
from service.errors import SpoolError, UnavailableError
from service.gateway.circuit import Circuit
from service.gateway.record import Recorder
from service.gateway.spool import Spool

SPOOL_PATIENCE_S = 2.0


@dataclass(frozen=True, slots=True)
class Capture:
    """An outage costs the first requests one patience of the recorder; from then on they go to the spool at once."""

    recorder: Recorder
    spool: Spool
    circuit: Circuit
    serve_unrecorded: bool = False

    async def record(self, prediction: Prediction) -> Recorded:
        """Make a prediction durable, or find the first answer under its keys.

        Raises:
            ConflictError: A key, or the instance, came before with other content.
            UnavailableError: Neither database nor spool takes it, and the site's rule is to give no answer then.
        """
        if not self.spool.empty and (found := await self.spool.find(prediction)) is not None:
            return found
        if not self.circuit.open:
            try:
                return await self.recorder.record(prediction)
            except UnavailableError:
                self.circuit.trip()
        try:
            return await self.spool.keep(prediction, SPOOL_PATIENCE_S)
        except SpoolError:
            if not self.serve_unrecorded:
                raise
            return Recorded(prediction, replayed=False, where=Durability.NO)
