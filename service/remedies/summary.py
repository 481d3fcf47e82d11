"""Summary: one page that a physician can read: what moved, where, how sure that is, what is proposed, and what that would change."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Final

from service.domain import Alarm, Carrier, ModelVersion
from service.remedies.plan import plan_of
from service.store.remedies import Remedy
from service.worker.replay import Replayed

KINDS: Final = {
    "prevalence": "The findings became more or less frequent than they were when the model was accepted. The images look as before.",
    "calibration": "The model's probabilities no longer match how often a finding is really there. Its order of the films may be as good as ever.",
    "acquisition": "The films look different from those that the model was accepted on: another device, another technique, or other patients.",
    "both": "The films look different, and the findings became more or less frequent.",
    "performance": "Measured by reports and reads, the model separates films with the finding less well from those without.",
    "silence": "Films that were expected do not arrive.",
}
ACTIONS: Final = {
    "investigate": "A person looks. The model stays as it is.",
    "rethreshold": "The operating point moves to where errors cost least by the model's plan. Probabilities stay as they are; other films are flagged.",
    "recalibrate": "Probabilities are corrected by labelled films of the time since the change. The same films are flagged as before.",
    "retrain": "The model is trained again, elsewhere, and comes back as a challenger that must prove itself on the same films.",
    "stop": "The model is taken out of service: the PACS gets no answer from it, and is told why.",
}
STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}h1{font-size:1.4rem}"
    "h2{font-size:1.05rem;margin-top:1.6rem}table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.25rem .6rem .25rem 0;"
    "border-bottom:1px solid #ccc;font-variant-numeric:tabular-nums}small{color:#555}@media print{body{margin:0}}"
)
SHOWN: Final = 8


def summary_page(version: ModelVersion, alarm: Alarm, remedy: Remedy, replayed: Replayed) -> str:
    """The page, as HTML without a script, an image or a link to anywhere else."""
    title = f"{version.model} {version.version}: {alarm.kind} alarm of {alarm.opened_at:%d %B %Y}"
    body = "".join(_sections(alarm, remedy, replayed))
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body><h1>{escape(title)}</h1>{body}</body></html>\n'


def _sections(alarm: Alarm, remedy: Remedy, replayed: Replayed) -> Iterator[str]:
    plan = plan_of(remedy)
    where = "in all films" if alarm.cell == "all" else f"among the films of {alarm.cell}"
    yield f"<h2>What happened</h2><p>{escape(KINDS.get(alarm.kind, alarm.kind))}</p>"
    yield f"<p>{escape(alarm.summary)}. It began about {alarm.since:%d %B %Y}, {escape(where)}.</p>"
    yield (
        f"<h2>How sure</h2><p>The evidence against “nothing changed” is {alarm.evidence:.1f} times the limit. "
        "The limit is set so that the model's declared number of false alarms a year is kept over everything that is watched.</p>"
    )
    yield "<table><tr><th>what</th><th>where</th><th>before</th><th>since</th><th>of films</th></tr>"
    yield from (_row(one) for one in alarm.carriers[:SHOWN])
    yield "</table>"
    if len(alarm.carriers) > SHOWN:
        yield f"<p><small>and {len(alarm.carriers) - SHOWN} more in alarm.json</small></p>"
    yield f"<h2>What is proposed: {escape(remedy.action)}</h2><p>{escape(ACTIONS.get(remedy.action, ''))}</p>"
    who = ", ".join(plan.approvers) if plan.approvers else "whoever may operate this service"
    yield (
        f"<p>It was declared beforehand that this kind of alarm may lead to: {escape(', '.join(getattr(plan.allowed, alarm.kind, ())) or 'nothing')}. "
        f"Deciding is up to {escape(who)}, within {plan.expires_days} days. A new version answers only after it was compared with the "
        "present one on the same films, overall and in each declared subgroup, and it can be taken back in one step.</p>"
    )
    same = "the same, bit for bit" if not replayed.differing else f"different in {', '.join(replayed.differing)}"
    yield (
        f"<h2>Can it be checked</h2><p>Computed anew from the stored sums of {replayed.days} days, the alarm came out {escape(same)}. "
        f"<code>stepwedge alarms replay {alarm.id}</code> does it again.</p>"
        "<p><small>Nothing on this page or in this folder names a patient.</small></p>"
    )


def _row(one: Carrier) -> str:
    what = one.feature or one.finding or one.family
    said = f"{what}: {one.bin}" if one.bin and one.bin != "any" else what
    return (
        f"<tr><td>{escape(said)} <small>{escape(one.family)}</small></td><td>{escape(one.cell)}</td>"
        f"<td>{100 * one.reference_rate:.1f} %</td>{_since(one)}</tr>"
    )


def _since(one: Carrier) -> str:
    if one.rate is None or one.n is None:
        return f"<td>{'higher' if one.side == 'high' else 'lower'}</td><td><small>too few patients to say</small></td>"
    return f"<td>{100 * one.rate:.1f} %</td><td>{one.n}</td>"
