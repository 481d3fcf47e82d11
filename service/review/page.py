"""Page: Evidently's page with our own words above it: of what it speaks, and how much that means."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

FOUND: Final = "found.json"
PAGE: Final = "report.html"
WORDS: Final = "words.json"

STYLE: Final = """<style>
.stepwedge { font: 15px/1.5 system-ui, sans-serif; color: #1b1f24; background: #f4f1ea; border-bottom: 3px solid #b3541e; padding: 20px 28px; }
.stepwedge h1 { font-size: 20px; margin: 0 0 8px; }
.stepwedge p { margin: 4px 0; max-width: 78em; }
</style>"""


def dressed(page: str, words: Sequence[str]) -> str:
    """The page with a heading, the first of the words, and the others as paragraphs below it.

    >>> dressed("<html><head></head><body><p>theirs</p></body></html>", ["An alarm", "1 < 2"]).split("<body>")[1]
    '<header class="stepwedge"><h1>An alarm</h1><p>1 &lt; 2</p></header><p>theirs</p></body></html>'
    """
    title, *others = map(escape, words)
    header = f'<header class="stepwedge"><h1>{title}</h1>{"".join(f"<p>{one}</p>" for one in others)}</header>'
    head, body, rest = page.partition("<body>")
    return head.replace("</head>", f"<title>{title}</title>{STYLE}</head>", 1) + body + header + rest
