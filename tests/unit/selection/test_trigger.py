# SPDX-License-Identifier: GPL-3.0-or-later
"""What CI's variables and its event say."""

from collections.abc import Mapping

import pytest

from harness.selection.trigger import Occasion, find

SHA = "c0ffee"
REQUEST = {"pull_request": {"base": {"sha": SHA}, "labels": [{"name": "docs"}]}}
LABELLED = {
    "pull_request": {
        "base": {"sha": SHA},
        "labels": [{"name": "docs"}, {"name": "full gate"}],
    }
}

GITHUB: Mapping[str, tuple[str, object, Occasion]] = {
    "a pull request": ("pull_request", REQUEST, Occasion(base=SHA)),
    "with the label": (
        "pull_request",
        LABELLED,
        Occasion(base=SHA, everything="the label 'full gate'"),
    ),
    "a merge queue": (
        "merge_group",
        {"merge_group": {"base_sha": SHA}},
        Occasion(base=SHA),
    ),
    "a push": ("push", {"before": SHA}, Occasion(base=SHA)),
    "a first push": (
        "push",
        {"before": "0" * 40},
        Occasion(everything="the event push says nothing to compare with"),
    ),
    "by hand": (
        "workflow_dispatch",
        {},
        Occasion(everything="the event is workflow_dispatch"),
    ),
    "a damaged event": (
        "pull_request",
        None,
        Occasion(everything="the event pull_request says nothing to compare with"),
    ),
    "another shape": (
        "pull_request",
        {"pull_request": {"labels": "full gate", "base": []}},
        Occasion(everything="the event pull_request says nothing to compare with"),
    ),
}


@pytest.mark.parametrize("name", GITHUB)
def test_github(name: str) -> None:
    event, document, expected = GITHUB[name]
    environ = {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": event}
    assert find(environ, document, label="full gate") == expected


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        (
            {
                "CI_PIPELINE_SOURCE": "merge_request_event",
                "CI_MERGE_REQUEST_DIFF_BASE_SHA": SHA,
                "CI_MERGE_REQUEST_LABELS": "docs,full gate",
            },
            Occasion(base=SHA, everything="the label 'full gate'"),
        ),
        (
            {
                "CI_PIPELINE_SOURCE": "merge_request_event",
                "CI_MERGE_REQUEST_DIFF_BASE_SHA": SHA,
            },
            Occasion(base=SHA),
        ),
        (
            {"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BEFORE_SHA": SHA},
            Occasion(base=SHA),
        ),
        (
            {
                "CI_PIPELINE_SOURCE": "parent_pipeline",
                "CI_MERGE_REQUEST_DIFF_BASE_SHA": SHA,
                "CI_MERGE_REQUEST_LABELS": "docs,full gate",
                "CI_COMMIT_BEFORE_SHA": "0" * 40,
            },
            Occasion(base=SHA, everything="the label 'full gate'"),
        ),
        (
            {"CI_PIPELINE_SOURCE": "parent_pipeline", "CI_COMMIT_BEFORE_SHA": SHA},
            Occasion(base=SHA),
        ),
        (
            {
                "CI_PIPELINE_SOURCE": "parent_pipeline",
                "CI_COMMIT_BEFORE_SHA": "0" * 40,
            },
            Occasion(
                everything="the event parent_pipeline says nothing to compare with"
            ),
        ),
        (
            {"CI_PIPELINE_SOURCE": "schedule"},
            Occasion(everything="the event is schedule"),
        ),
    ],
)
def test_gitlab(variables: Mapping[str, str], expected: Occasion) -> None:
    assert find({"GITLAB_CI": "true", **variables}, None, label="full gate") == expected


def test_a_laptop_says_nothing() -> None:
    assert find({"GITHUB_EVENT_NAME": "push"}, {"before": SHA}, label="x") == Occasion()


def test_no_label_is_configured() -> None:
    environ = {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "pull_request"}
    document = {"pull_request": {"base": {"sha": SHA}, "labels": [{"name": ""}]}}
    assert find(environ, document, label="") == Occasion(base=SHA)
