"""The plan that a remedy runs under: the one of its proposal, whatever the version's package says today."""

from __future__ import annotations

import json

from service.errors import NotApproverError
from service.models.plan import Remedies
from service.store.remedies import Remedy


def plan_of(remedy: Remedy) -> Remedies:
    """The plan that was stored with it; the usual one where a former release proposed it."""
    return Remedies() if remedy.plan is None else Remedies.model_validate_json(json.dumps(remedy.plan))


def check_approver(remedy: Remedy, actor: str) -> None:
    """Pass, if the plan lets this caller decide.

    Raises:
        NotApproverError: It names others.
    """
    approvers = plan_of(remedy).approvers
    if approvers and actor not in approvers:
        raise NotApproverError
