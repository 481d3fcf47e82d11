"""Claims: who came first. Across gateways and restarts the first writer of a key owns it; who comes meanwhile waits for its commit.

A film claims the caller's Idempotency-Key, where there is one, and always its model version and SOP Instance UID: so the same
film under two keys is still one prediction, and a UID that comes again with other pixels is a conflict whatever its key.
A film is new when nobody else owns any of its keys. Otherwise the owner of the first key that is taken has answered it: with the same content
for all of them that is a replay, and the keys that were free lead to the first answer too; with other content it is a conflict, and they stay free.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from psycopg import Cursor

from service.domain import Prediction
from service.store.packed import packed

CLAIM: Final = """
insert into submissions (key, prediction, content, received_at)
select * from unnest(%b::bytea[], %b::uuid[], %b::bytea[], %b::timestamptz[])
on conflict (key) do nothing
returning key
"""
OWNERS: Final = "select key, prediction, content from submissions where key = any(%b)"
LEAD: Final = """
update submissions set prediction = given.prediction, content = given.content
from unnest(%b::bytea[], %b::uuid[], %b::bytea[]) as given (key, prediction, content) where submissions.key = given.key
"""
RELEASE: Final = "delete from submissions where key = any(%b)"


@dataclass(frozen=True, slots=True)
class Owner:
    """The prediction that a key leads to, and its content."""

    prediction: UUID
    content: bytes


@dataclass(frozen=True, slots=True)
class Verdict:
    """new: the prediction is to be stored. Otherwise `owner` came first; same: with the same content."""

    new: bool
    owner: UUID
    same: bool


def instance_key(model_version: int, instance: bytes) -> bytes:
    """The key of a film by its SOP Instance UID; the pseudonym is keyed already, so nobody can guess the UID back."""
    return hashlib.sha256(b"instance" + model_version.to_bytes(8) + instance).digest()


def keys_of(prediction: Prediction) -> tuple[bytes, ...]:
    """What a prediction claims, the caller's own key first."""
    instance = prediction.pseudonyms.instance
    if instance is None:
        return (prediction.key,)
    return tuple(dict.fromkeys((prediction.key, instance_key(prediction.model_version, instance))))


class Wanted(dict[bytes, Prediction]):
    """Key -> the first of some predictions that claims it. shared: one of them claims two keys, or a key is claimed by two."""

    def __init__(self, predictions: Sequence[Prediction]) -> None:
        claims = [(key, prediction) for prediction in reversed(predictions) for key in keys_of(prediction)]
        super().__init__(claims)
        self.shared = not len(claims) == len(self) == len(predictions)


def ask(cursor: Cursor[Any], wanted: Mapping[bytes, Prediction]) -> None:
    """Claim these keys; what the cursor gives then are those that are owned from now on.

    They are asked for in their order: so no two writers wait in a circle.
    """
    keys = sorted(wanted)
    rows = [wanted[key] for key in keys]
    ids, contents = packed("uuid", [row.id for row in rows]), packed("bytea", [row.content for row in rows])
    cursor.execute(CLAIM, (packed("bytea", keys), ids, contents, packed("timestamptz", [row.received_at for row in rows])))


def settle(cursor: Cursor[Any], predictions: Sequence[Prediction], wanted: Wanted) -> list[Verdict]:
    """After this cursor has asked for all that is wanted: say for each of the predictions, in order, whether it is new."""
    owners: dict[bytes, Owner] = {}
    claimed: set[bytes] = set()
    unknown: Mapping[bytes, Prediction] = wanted
    if cursor.rowcount == len(wanted) and not wanted.shared:
        return [Verdict(new=True, owner=prediction.id, same=True) for prediction in predictions]
    while unknown:
        ours = {key for (key,) in cursor}
        claimed |= ours
        owners |= {key: Owner(wanted[key].id, wanted[key].content) for key in ours}
        if taken := [key for key in unknown if key not in ours]:
            owners |= {key: Owner(owner, content) for key, owner, content in cursor.execute(OWNERS, (taken,))}
        # Once is enough, but for a key that its owner gave back between our two questions.
        if unknown := {key: prediction for key, prediction in wanted.items() if key not in owners}:
            ask(cursor, unknown)
    desk = _Desk(owners, claimed)
    verdicts = [desk.judge(prediction) for prediction in predictions]
    desk.settle(cursor)
    return verdicts


class _Desk:
    """The owners of all keys of one group while its films are judged one after the other."""

    def __init__(self, owners: dict[bytes, Owner], claimed: set[bytes]) -> None:
        self._owners = owners
        self._ours = claimed
        self._moved: dict[bytes, Owner | None] = {}

    def judge(self, prediction: Prediction) -> Verdict:
        keys = keys_of(prediction)
        own = Owner(prediction.id, prediction.content)
        rivals = [owner for key in keys if (owner := self._owners.get(key, own)).prediction != own.prediction]
        if not rivals:
            new = all(key in self._ours for key in keys)
            for key in keys:
                self._lead(key, own)
            self._ours.difference_update(keys)
            return Verdict(new, own.prediction, same=True)
        same = all(rival.content == own.content for rival in rivals)
        for key in keys:
            if self._owners.get(key, own) == own and key in self._ours:
                self._lead(key, rivals[0] if same else None)
        return Verdict(new=False, owner=rivals[0].prediction, same=same)

    def settle(self, cursor: Cursor[Any]) -> None:
        """Write down the keys that ended with another owner than the one that claimed them."""
        led = {key: owner for key, owner in self._moved.items() if owner is not None}
        free = [key for key, owner in self._moved.items() if owner is None]
        if led:
            cursor.execute(LEAD, (list(led), [owner.prediction for owner in led.values()], [owner.content for owner in led.values()]))
        if free:
            cursor.execute(RELEASE, (free,))

    def _lead(self, key: bytes, owner: Owner | None) -> None:
        if self._owners.get(key) == owner:
            return
        self._moved[key] = owner
        if owner is None:
            del self._owners[key]
        else:
            self._owners[key] = owner
