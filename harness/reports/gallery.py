# SPDX-License-Identifier: GPL-3.0-or-later
"""A page of all screenshots of a run, for a look at what passing tests have seen."""

from collections.abc import Iterator
from html import escape
from urllib.parse import quote

from harness.model import Evidence, Outcome, RunResult, TestResult

FILE = "gallery.html"
STYLE = """
:root { color-scheme: light dark; font-family: system-ui, sans-serif; }
body { margin: 1rem; } h2 { font-size: 1rem; overflow-wrap: anywhere; }
div { display: flex; flex-wrap: wrap; gap: 1rem; align-items: start; }
figure { margin: 0; } img { max-height: 20rem; max-width: 100%; border: 1px solid; }
"""


def page(run: RunResult) -> str:
    """The page; empty where no passing test has a picture."""
    shown = [(test, list(_pictures(test))) for test in run.tests]
    shown = [(test, pictures) for test, pictures in shown if pictures]
    if not any(test.outcome is Outcome.PASSED for test, _ in shown):
        return ""
    parts = [
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Screens of {escape(run.id)}</title><style>{STYLE}</style></head>"
        f"<body><main><h1>Screens of {escape(run.id)}</h1>"
    ]
    for test, pictures in shown:
        parts.append(f"<h2>{escape(test.id)} – {escape(test.outcome)}</h2><div>")
        parts += [_figure(one) for one in pictures]
        parts.append("</div>")
    return "\n".join([*parts, "</main></body></html>\n"])


def _pictures(test: TestResult) -> Iterator[Evidence]:
    for one in test.evidence:
        if one.file.endswith(".png"):
            yield one


def _figure(one: Evidence) -> str:
    name = escape(one.title.removesuffix(".png"))
    file = escape(quote(one.file))
    return (
        f'<figure><a href="{file}"><img src="{file}" alt="screen {name}"'
        f' loading="lazy"></a><figcaption>{name}</figcaption></figure>'
    )
