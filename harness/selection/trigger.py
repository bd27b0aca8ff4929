# SPDX-License-Identifier: GPL-3.0-or-later
"""Why the gate is run, as the CI's variables and its event say: pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

EVENT: Final = "GITHUB_EVENT_PATH"
"""The variable that names GitHub's file about the event."""


@dataclass(frozen=True, kw_only=True)
class Occasion:
    """What to compare with (empty: as configured), and why all is to be tested."""

    base: str = ""
    everything: str = ""


def find(environ: Mapping[str, str], event: object, *, label: str) -> Occasion:
    """The occasion; `event` is GitHub's document, `label` the one that selects all."""
    if environ.get("GITHUB_ACTIONS") == "true":
        name = environ.get("GITHUB_EVENT_NAME", "")
        return _github(name, event if isinstance(event, dict) else {}, label)
    if environ.get("GITLAB_CI") == "true":
        return _gitlab(environ, label)
    return Occasion()


def _github(name: str, event: Mapping[str, Any], label: str) -> Occasion:
    if name in {"pull_request", "pull_request_target"}:
        request = _table(event, "pull_request")
        found = request.get("labels")
        labels = found if isinstance(found, list) else []
        names = {one.get("name") for one in labels if isinstance(one, dict)}
        base = _text(_table(request, "base"), "sha")
        return _since(base, name, everything=_label(label, names))
    if name == "merge_group":
        return _since(_text(_table(event, "merge_group"), "base_sha"), name)
    if name == "push":
        return _since(_text(event, "before"), name)
    return Occasion(everything=f"the event is {name or 'not named'}")


def _gitlab(environ: Mapping[str, str], label: str) -> Occasion:
    """A child pipeline has its parent's merge request, or its parent's push."""
    name = environ.get("CI_PIPELINE_SOURCE", "")
    base = environ.get("CI_MERGE_REQUEST_DIFF_BASE_SHA", "")
    if name == "merge_request_event" or (name == "parent_pipeline" and base):
        labels = environ.get("CI_MERGE_REQUEST_LABELS", "").split(",")
        return _since(base, name, everything=_label(label, labels))
    if name in {"push", "parent_pipeline"}:
        return _since(environ.get("CI_COMMIT_BEFORE_SHA", ""), name)
    return Occasion(everything=f"the event is {name or 'not named'}")


def _since(base: str, name: str, *, everything: str = "") -> Occasion:
    if not base.strip("0"):  # a branch's first push comes after nothing
        why = everything or f"the event {name} says nothing to compare with"
        return Occasion(everything=why)
    return Occasion(base=base, everything=everything)


def _label(label: str, names: object) -> str:
    present = isinstance(names, set | list) and label and label in names
    return f"the label {label!r}" if present else ""


def _table(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = document.get(key)
    return found if isinstance(found, dict) else {}


def _text(document: Mapping[str, Any], key: str) -> str:
    found = document.get(key)
    return found if isinstance(found, str) else ""
