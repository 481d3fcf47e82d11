"""The page at the root: what is served here, and where to look."""

from __future__ import annotations

import base64
import hashlib
from html import escape

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from service.access import Role
from service.api.state import Served
from service.gateway.fleet import Serving

router = APIRouter(tags=["operations"])

STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:46rem;margin:3rem auto;padding:0 1rem;color:#1b1f24;background:#fff}"
    "h1{font-size:1.6rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse;width:100%}"
    "th,td{text-align:left;padding:.35rem .75rem .35rem 0;border-bottom:1px solid #d0d7de;vertical-align:top}"
    "pre{background:#f6f8fa;padding:.75rem;overflow-x:auto}a{color:#0550ae}"
    "@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}pre{background:#161b22}a{color:#79c0ff}th,td{border-color:#30363d}}"
)
STYLE_DIGEST = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{STYLE_DIGEST}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Stepwedge</title><style>{style}</style></head><body>
<h1>Stepwedge</h1>
<p>This gateway answers the PACS and keeps a record of every answer. It is no medical device by itself: what its answers
mean, and whether they may be used on patients, is said by whoever made and accepted the models below.</p>
<h2>In service</h2>
{models}
<h2>Send a film</h2>
<pre>curl --data-binary @film.dcm -H 'Content-Type: application/dicom'{authorization} \\
  {address}/v1/models/{example}/predictions</pre>
<h2>Look closer</h2>
<ul>
<li><a href="/v1/models">/v1/models</a>: models, and below each its alarms, measurements and remedies</li>
<li><a href="/openapi.json">/openapi.json</a>: the whole API with examples</li>
<li><a href="/metrics">/metrics</a>: series for Prometheus</li>
<li><a href="/readyz">/readyz</a>, <a href="/livez">/livez</a>: can it answer, is it alive</li>
</ul>
</body></html>
"""


@router.get("/", operation_id="home", summary="What is served here", response_class=HTMLResponse)
async def home(service: Served) -> HTMLResponse:
    """A small page for people, without scripts and without anything from elsewhere."""
    serving = sorted(service.fleet.serving.values(), key=lambda each: each.version.model)
    settings = service.settings
    page = PAGE.format(
        style=STYLE,
        models=table_of(serving) if serving else "<p>No model yet: <code>stepwedge register FOLDER</code> adds one within seconds.</p>",
        example=escape(serving[0].version.model) if serving else "MODEL",
        authorization="" if Role.PREDICT in settings.anonymous_roles else " -H 'Authorization: Bearer KEY'",
        address=escape(f"{'http' if settings.tls_certificate is None else 'https'}://{settings.host}:{settings.port}"),
    )
    return HTMLResponse(page, headers={"Content-Security-Policy": POLICY})


def table_of(serving: list[Serving]) -> str:
    rows = "".join(row_of(each) for each in serving)
    return f"<table><tr><th>Model</th><th>Version</th><th>Findings</th><th>Description</th></tr>{rows}</table>"


def row_of(serving: Serving) -> str:
    """One model; what its manifest says is text, never markup."""
    model, manifest = escape(serving.version.model), serving.manifest
    findings = escape(", ".join(manifest.finding_names))
    link = f'<a href="/v1/models/{model}">{model}</a>'
    return f"<tr><td>{link}</td><td>{escape(serving.version.version)}</td><td>{findings}</td><td>{escape(manifest.description)}</td></tr>"
