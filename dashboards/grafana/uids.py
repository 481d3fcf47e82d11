"""Where each dashboard is found, and how another one leads to it with what was chosen."""

from __future__ import annotations

FLEET, MODEL, INPUTS, CALIBRATION = "stepwedge-fleet", "stepwedge-model", "stepwedge-inputs", "stepwedge-calibration"
SUBGROUPS, SERVICE, REMEDIES, RUNBOOK = "stepwedge-subgroups", "stepwedge-service", "stepwedge-remedies", "stepwedge-runbook"

CLICKED = "${__value.raw:percentencode}"
"""The value of the cell that is clicked; names of series hold colons, spaces and whatever a device is called."""
CHOSEN_MODEL = ("datasource", "model", "version")


def beside(label: str) -> str:
    """The value of another column of the row that is clicked."""
    return f"${{__data.fields.{label}:percentencode}}"


def to(uid: str, *, keep: tuple[str, ...] = ("datasource",), **chosen: str) -> str:
    """Address of a dashboard over the same time, with variables kept as they are here, and others chosen.

    >>> to(MODEL, model="chest")
    '/d/stepwedge-model?${__url_time_range}&${datasource:queryparam}&var-model=chest'
    """
    kept = [f"${{{name}:queryparam}}" for name in keep]
    return f"/d/{uid}?" + "&".join(["${__url_time_range}", *kept, *(f"var-{name}={value}" for name, value in chosen.items())])
