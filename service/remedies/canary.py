"""Canary: a challenger answers in part before it answers alone, and one call ends that.

Whose films it answers is a share of patients, by a hash of their pseudonym, so that a patient's films go the same way for as long as it stands
and a larger share keeps those of the smaller one; or sites, all of their films. The champion answers the rest, and sees what the challenger
answered in its shadow, so the comparison has both. Every gateway follows within seconds; each answer is recorded under the version that gave it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine

from service.domain import ModelVersion
from service.errors import InvalidRequestError, NotPassedError, RemedyStateError
from service.models.manifest import parse_manifest
from service.models.sameness import same_input
from service.remedies.decide import Decision
from service.remedies.plan import check_approver
from service.remedies.verdict import FAILED, verdict_on
from service.store.audit import WORKER
from service.store.canaries import Canary, begin_canary, end_canary, standing_canaries, standing_canary
from service.store.locks import hold_until_commit
from service.store.models import lock_of_champion, version_by_id
from service.store.remedies import Remedy, State
from service.store.remedy_steps import Step, held, note

BEGUN = "canary"
ENDED = "canary_ended"
MOST_SITES = 100
WORSE = "the comparison says that it is worse"


@dataclass(frozen=True, slots=True)
class Part:
    """What a challenger is to answer: a share of patients (0 to 1), and all films of these sites.

    Raises:
        InvalidRequestError: It is nothing, more than everything, or a site without a name.
    """

    share: float = 0.0
    sites: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0.0 <= self.share <= 1.0:
            raise InvalidRequestError("The share of patients lies between 0 and 1.")
        if not self.share and not self.sites:
            raise InvalidRequestError("Name a share of patients, or sites.")
        if not all(self.sites) or len(set(self.sites)) < len(self.sites) or len(self.sites) > MOST_SITES:
            raise InvalidRequestError(f"Sites have names, each is named once, and at most {MOST_SITES} are.")

    def __str__(self) -> str:
        told = (f"{self.share:.3g} of patients" if self.share else "", f"all films of {', '.join(self.sites)}" if self.sites else "")
        return " and ".join(one for one in told if one)


def begin(connection: Connection, decision: Decision, part: Part, *, force: bool = False) -> Remedy:
    """Let the challenger of a remedy answer in part; of one that does, this is the new part.

    Args:
        connection: In a transaction (READ COMMITTED).
        decision: Who begins it, and why.
        part: Of which films.
        force: Although its comparison has not passed. The step says so.

    Raises:
        UnknownRemedyError: There is no such remedy.
        NotApproverError: The plan names others.
        RemedyStateError: It has no challenger that could answer here.
        NotPassedError: Its comparison has not passed, and nobody forces it.
    """
    remedy = held(connection, decision.remedy)
    check_approver(remedy, decision.actor)
    if remedy.state != State.CHALLENGED or remedy.challenger is None or remedy.model_version is None:
        raise RemedyStateError("The remedy has no challenger that could answer in part.")
    former, challenger = version_by_id(connection, remedy.model_version), version_by_id(connection, remedy.challenger)
    hold_until_commit(connection, lock_of_champion(former.model))
    check_versions(former, challenger)
    verdict = verdict_on(connection, challenger.id)
    if verdict != "pass" and not force:
        raise NotPassedError(f"The comparison with the champion says: {verdict}. Force it with a reason, or wait.")
    end_canary(connection, former.model, at=decision.at, actor=decision.actor, reason=f"another part: {part}")
    canary = Canary(former.model, challenger.id, remedy.id, part.share, part.sites, decision.at, decision.actor, decision.reason)
    begin_canary(connection, canary)
    details = {"share": part.share, "sites": list(part.sites), "comparison": verdict, "forced": verdict != "pass", "part": str(part)}
    note(connection, Step(remedy.id, BEGUN, decision.at, decision.actor, decision.reason, details), audited=False)
    return remedy


def check_versions(former: ModelVersion, challenger: ModelVersion) -> None:
    """Pass, if both may answer beside each other.

    Raises:
        RemedyStateError: The champion is another one by now, or the challenger reads films in another way.
    """
    if former.state != "champion":
        raise RemedyStateError("Another version answers than the one that the challenger was made for: it must be compared to that one.")
    ours, theirs = parse_manifest(former.manifest), parse_manifest(challenger.manifest)
    if not same_input(ours, theirs) or ours.finding_names != theirs.finding_names:
        raise RemedyStateError(
            "A challenger that prepares films in another way than the champion cannot answer in part; promote it once it has passed."
        )


def abort(connection: Connection, decision: Decision) -> Remedy:
    """Let the champion answer every film again; the challenger goes on in its shadow. Where it does already, nothing changes.

    Raises:
        UnknownRemedyError: There is no such remedy.
        NotApproverError: The plan names others.
    """
    remedy = held(connection, decision.remedy)
    check_approver(remedy, decision.actor)
    end(connection, remedy, decision)
    return remedy


def end(connection: Connection, remedy: Remedy, decision: Decision) -> bool:
    """End the canary of a remedy; false where there is none."""
    model = version_by_id(connection, remedy.model_version or 0).model
    hold_until_commit(connection, lock_of_champion(model))
    standing = standing_canary(connection, model)
    if standing is None or standing.remedy != remedy.id:
        return False
    end_canary(connection, model, at=decision.at, actor=decision.actor, reason=decision.reason)
    note(connection, Step(remedy.id, ENDED, decision.at, decision.actor, decision.reason), audited=False)
    return True


def end_worse(engine: Engine, at: datetime) -> list[Canary]:
    """End each canary whose comparison says by now that it is worse; nobody need be awake for it."""
    with engine.connect() as connection:
        worse = [one for one in standing_canaries(connection) if verdict_on(connection, one.version) == FAILED]
    for one in worse:
        with engine.begin() as connection:
            end(connection, held(connection, one.remedy), Decision(one.remedy, at, WORKER, WORSE))
    return worse
