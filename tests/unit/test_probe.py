# SPDX-License-Identifier: GPL-3.0-or-later
"""Which database server is taken."""

import pytest

from harness import probe
from harness.errors import MissingTool, UsageError


def choose(asked: str, **reasons: str | None) -> tuple[str, str]:
    reasons = {"docker": "no engine", **reasons}
    return probe.choose(
        asked, {name: (lambda why=why: why) for name, why in reasons.items()}
    )


@pytest.mark.parametrize(
    ("asked", "local", "sqlite", "expected"),
    [
        (
            "auto",
            None,
            None,
            ("local", "auto: the first that can be used; not docker: no engine"),
        ),
        (
            "auto",
            "the wheel is missing",
            None,
            (
                "sqlite",
                "auto: the first that can be used; not docker: no engine,"
                " not local: the wheel is missing",
            ),
        ),
        ("local", None, None, ("local", "asked for")),
        ("sqlite", None, None, ("sqlite", "asked for")),
        ("sqlite", "the wheel is missing", None, ("sqlite", "asked for")),
        (
            "postgresql://tester@db:5432/",
            "no",
            "no",
            ("given", "its address was given"),
        ),
    ],
)
def test_choose(
    asked: str, local: str | None, sqlite: str | None, expected: tuple[str, str]
) -> None:
    assert choose(asked, local=local, sqlite=sqlite) == expected


def test_what_was_asked_for_never_falls_back() -> None:
    with pytest.raises(MissingTool, match="local cannot be used: no wheel"):
        choose("local", local="no wheel", sqlite=None)


def test_nothing_can_be_used() -> None:
    with pytest.raises(MissingTool) as caught:
        choose("auto", local="no wheel", sqlite="no module")
    assert "not local: no wheel; not sqlite: no module" in caught.value.message


def test_a_server_that_is_not_there_yet() -> None:
    with pytest.raises(UsageError, match="'oracle' is not there yet") as caught:
        choose("oracle", local=None, sqlite=None)
    assert (
        caught.value.checked == "known are auto, docker, local, sqlite, postgresql://…"
    )


def test_a_later_candidate_is_not_asked() -> None:
    def fail() -> str | None:
        raise AssertionError("sqlite was asked")

    candidates = {"docker": lambda: None, "local": fail, "sqlite": fail}
    assert probe.choose("auto", candidates) == (
        "docker",
        "auto: the first that can be used",
    )
