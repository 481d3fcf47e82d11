"""Accept report: an acceptance run as JSON that is signed, and as a page that carries it and can be verified as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from html import escape
from importlib.metadata import version as installed
from typing import Any, Final

from service.domain import ModelVersion
from service.errors import DamagedReportError
from service.models.manifest import parse_manifest
from service.remedies.accept import AGAINST, Accepted, Local
from service.remedies.comparison import criterion_to_json
from service.remedies.signature import Signed, verify
from service.remedies.summary import STYLE

SCHEMA: Final = "stepwedge.acceptance/1"
BEGIN, END = '<script type="application/json" id="signed">', "</script>"
COLUMNS: Final = ("what", "reached", "held against", "difference", "95 % interval", "margin", "films", "positives", "verdict")


def report_of(version: ModelVersion, local: Local, found: Accepted, now: datetime, actor: str) -> Mapping[str, Any]:
    """The run as JSON values: which version, what was declared, what was found, when and by whom (never a person's name)."""
    plan = parse_manifest(version.manifest).remedies.acceptance
    return {
        "schema": SCHEMA,
        "stepwedge": installed("stepwedge"),
        "model": version.model,
        "version": version.version,
        "artifact_sha256": version.artifact_sha256,
        "made_at": now.isoformat(),
        "made_by": actor,
        "declared": {
            "place": local.place,
            "since": None if local.since is None else local.since.isoformat(),
            "cases": local.cases,
            "claims": dict(local.claims),
            "plan": plan.model_dump(mode="json"),
        },
        "decision": found.decision.value,
        "summary": found.summary,
        "against": found.against,
        "cases": found.cases,
        "more": found.more,
        "criteria": [criterion_to_json(one) for one in found.criteria],
    }


def page_of(signed: Signed) -> str:
    """The report for people, with all that is signed inside it; the same report gives the same page."""
    inside = signed.to_json().replace("<", "\\u003c")
    title = f"Acceptance of {signed.report['model']} {signed.report['version']}: {signed.report['decision']}"
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    body = "".join(_sections(signed))
    return f'<!doctype html><html lang="en"><head>{head}</head><body><h1>{escape(title)}</h1>{body}{BEGIN}{inside}{END}</body></html>\n'


def verified(text: str, public_key: str) -> Signed:
    """The report of a file, JSON or page, once it is sure that just this was signed with this key, and a page shows just this.

    Raises:
        DamagedReportError: It was changed, or signed by another service.
    """
    _, page, rest = text.partition(BEGIN)
    signed = Signed.from_json(rest.partition(END)[0] if page else text)
    verify(signed, public_key)
    if page and page_of(signed) != text:
        raise DamagedReportError
    return signed


def _sections(signed: Signed) -> Iterator[str]:
    report, declared = signed.report, signed.report["declared"]
    yield f"<p>{escape(report['summary'])}</p>"
    where = "all films" if declared["place"] == "all" else f"the films of {declared['place']}"
    since = f", received since {declared['since'][:10]}" if declared["since"] else ""
    first = f", the first {declared['cases']} of them" if declared["cases"] else ""
    yield f"<h2>What was declared</h2><p>Judged on {escape(where + since + first)}, against {escape(AGAINST[report['against']])}."
    yield "".join(f" Claimed: {escape(name)} {value:g}." for name, value in sorted(declared["claims"].items()))
    yield " Margins and numbers are those of the version's plan.</p>"
    yield f"<h2>What was found on {report['cases']} labelled films</h2><table><tr>"
    yield "".join(f"<th>{escape(one)}</th>" for one in COLUMNS) + "</tr>"
    yield from (_row(one) for one in report["criteria"])
    yield f"</table><h2>Signature</h2><p>{escape(report['made_at'])} by {escape(report['made_by'])}, Stepwedge {escape(report['stepwedge'])}, "
    yield f"artifact {escape(report['artifact_sha256'])}. Ed25519, public key <code>{escape(signed.public_key)}</code>. "
    yield "To verify this very file: <code>stepwedge accept verify FILE --public-key KEY</code>.</p>"


def _row(one: Mapping[str, Any]) -> str:
    interval = "" if one["low"] is None else f"{one['low']:.3f} to {one['high']:.3f}"
    what = " ".join(part for part in (one["measure"].replace("_", " "), one["finding"] and f"of {one['finding']}") if part)
    numbers = [_number(one[name]) for name in ("challenger", "champion", "difference")]
    verdict = " ".join(part for part in (one["decision"] or "not judged", one["reason"] and f"({one['reason']})") if part)
    cells = (what, *numbers, interval, _number(one["limit"]), str(one["n"]), str(one["positives"]), verdict)
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
