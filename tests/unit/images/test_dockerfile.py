# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Dockerfile says of a target."""

import pytest

from harness.errors import ImageError
from harness.images import dockerfile

TEXT = """\
# the head
ARG BASE=debian:x
ARG VARIANT=development
FROM ${BASE} AS first
RUN --mount=type=bind,source=steps/a,target=/a \\
    # in between
    --mount=type=cache,target=/c \\
    /a one two
FROM first AS tool
COPY --chown=1:1 lists/one lists/two /x/
FROM first AS end-production
RUN production
FROM first AS end-development
RUN --mount=type=bind,from=tool,target=/t cp /t/x /y
FROM end-${VARIANT} AS end
COPY --from=tool /x /x
FROM scratch AS alone
COPY . /
"""


def stages(**arguments: str) -> dict[str, dockerfile.Stage]:
    return dockerfile.parse(TEXT, arguments)


def names(target: str, **arguments: str) -> list[str]:
    return [one.name for one in dockerfile.closure(stages(**arguments), target)]


def test_an_instruction_is_one_line_without_comments() -> None:
    run = stages()["first"].instructions[1]
    assert run.startswith("RUN --mount=type=bind")
    assert run.endswith("/a one two")
    assert "in between" not in run


def test_paths_are_those_of_the_context() -> None:
    found = stages()
    assert found["first"].paths == ("steps/a",)
    assert found["tool"].paths == ("lists/one", "lists/two")
    assert found["alone"].paths == (".",)
    assert found["end"].paths == ()


def test_stages_taken_from_are_known() -> None:
    assert stages()["end"].others == ("tool",)
    assert stages()["end-development"].others == ("tool",)


def test_the_closure_follows_the_variant() -> None:
    assert names("end") == ["first", "tool", "end-development", "end"]
    assert names("end", VARIANT="production") == [
        "first", "end-production", "tool", "end",
    ]  # fmt: skip
    assert names("alone") == ["alone"]


def test_the_base_is_an_argument() -> None:
    first, *_ = dockerfile.closure(stages(BASE="other:1"), "end")
    assert first.base == "other:1"


def test_a_missing_target_is_named() -> None:
    with pytest.raises(ImageError, match="no target db"):
        names("db")
