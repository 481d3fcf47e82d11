"""Texts of alerts as Grafana fills them in: it knows labels and values, and can look nothing up while it writes."""

from __future__ import annotations

import re

ELSEWHERE = " see the dashboard"
"""Stands where Prometheus looks something up in the middle of a text."""
_ACTION = re.compile(r"\{\{(-?)\s*(.*?)\s*(-?)\}\}", re.DOTALL)
_OPENING = ("range ", "with ", "if ")


def worded(template: str) -> str:
    """The text of an annotation of a Prometheus rule for Grafana: whatever needs a query of its own is left to the dashboard.

    >>> worded('Failed on {{ $labels.instance }}: {{- with query "up" }} {{ . | first | value }}{{ else }} unknown{{ end }}. Look.')
    'Failed on {{ $labels.instance }}: see the dashboard. Look.'
    >>> worded('About {{ printf "%.0f" $value }} studies.')
    'About {{ printf "%.0f" $values.query.Value }} studies.'
    """
    written, depth, at, left_out = "", 0, 0, False
    for action in _ACTION.finditer(template):
        trims, said, _ = action.groups()
        between = template[at : action.start()]
        at = action.end()
        if depth == 0 and between.strip():
            written, left_out = _joined(written, between, left_out=left_out), False
        elif depth == 0 and not left_out:
            written += between
        if trims and depth == 0:
            written = written.rstrip()
        if said.startswith(_OPENING):
            depth, left_out = depth + 1, True
        elif said == "end":
            depth -= 1
        elif depth == 0 and ":=" not in said:
            written += "{{ " + said.replace("$value", "$values.query.Value") + " }}"
    return _joined(written, template[at:], left_out=left_out)


def _joined(written: str, further: str, *, left_out: bool) -> str:
    if not left_out:
        return written + further
    goes_on = further.lstrip()
    closes = "" if goes_on.startswith((".", ";", ",")) else "." if goes_on[:1].isupper() else ";"
    return written.rstrip() + ELSEWHERE + closes + further
