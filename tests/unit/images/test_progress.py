# SPDX-License-Identifier: GPL-3.0-or-later
"""BuildKit's plain output, good and bad."""

from harness.errors import EngineError, ImageError, MissingTool
from harness.images.build import ImageJob, failure
from harness.images.progress import BuildProgress, ImageStep

JOB = ImageJob(service="db", image="x/db:development", digest="1")
ARGV = ["docker", "build"]

GOOD = """\
#1 [internal] load build definition from Dockerfile
#1 transferring dockerfile: 9.89kB done
#1 DONE 0.0s

#5 [debian 1/2] FROM docker.io/library/debian:bookworm-slim
#5 CACHED
#6 [db 2/4] RUN --mount=type=secret,id=apt     --mount=type=cache,id=a,target=/v /steps/debian postgresql-15
#6 0.412 Get:1 http://mirror.example/debian bookworm InRelease
#6 1.300 Setting up postgresql-15
#6 DONE 12.4s
#7 [db 3/4] COPY db/entrypoint /usr/local/bin/entrypoint
"""  # noqa: E501

BAD = """\
#6 [db 2/4] RUN --mount=type=secret,id=apt /steps/debian nosuch
#6 0.412 Reading package lists...
#6 0.500 E: Unable to locate package nosuch
#6 ERROR: process "/bin/sh -c /steps/debian nosuch" did not complete: exit code: 100
------
 > [db 2/4] RUN --mount=type=secret,id=apt /steps/debian nosuch:
0.500 E: Unable to locate package nosuch
------
Dockerfile:27
--------------------
  26 |     FROM debian AS db
  27 | >>> RUN --mount=type=secret,id=apt \\
  28 | >>>     /steps/debian nosuch
  29 |
--------------------
ERROR: failed to solve: process "/bin/sh" did not complete successfully: exit code: 100
"""


def fed(text: str) -> tuple[BuildProgress, list[ImageStep]]:
    progress = BuildProgress()
    closed = [progress.feed(line) for line in text.splitlines()]
    return progress, [one for one in closed if one]


def test_layers_are_closed_with_their_time() -> None:
    _, closed = fed(GOOD)
    assert [(one.place, one.state, one.seconds) for one in closed] == [
        ("", "done", 0.0),
        ("debian 1/2", "cached", 0.0),
        ("db 2/4", "done", 12.4),
    ]


def test_a_title_is_without_mounts() -> None:
    _, closed = fed(GOOD)
    assert closed[2].title == "RUN /steps/debian postgresql-15"


def test_the_status_is_what_runs() -> None:
    assert "COPY db/entrypoint" in fed(GOOD)[0].status()
    text = "".join(GOOD.splitlines(keepends=True)[:-2])
    running = fed(text)[0].status()
    assert running.endswith("Setting up postgresql-15")
    assert BuildProgress().status() == ""


def test_a_failure_has_its_line_and_its_log() -> None:
    progress, _ = fed(BAD)
    assert progress.line == 27
    assert progress.failed
    assert progress.instruction.splitlines()[-1] == "/steps/debian nosuch"
    error = failure(JOB, ARGV, 1, progress, "")
    assert isinstance(error, ImageError)
    assert "Dockerfiles/Dockerfile:27" in error.message
    assert "E: Unable to locate package nosuch" in error.message
    assert error.remedy.endswith("harness build db")


def test_the_line_is_found_where_buildkit_names_none() -> None:
    text = "FROM x AS a\nRUN one\nFROM x AS db\n# why\nRUN one \\\n    two\nRUN one\n"
    log = "#6 [db 3/3] RUN one\n#6 ERROR: executor failed running [one]: exit code: 1\n"
    error = failure(JOB, ARGV, 1, fed(log)[0], text)
    assert "Dockerfiles/Dockerfile:7" in str(error)
    log = log.replace("RUN one", "RUN one     two")
    assert "Dockerfile:5" in str(failure(JOB, ARGV, 1, fed(log)[0], text))
    assert "Dockerfile:" not in str(failure(JOB, ARGV, 1, fed(log)[0], "FROM x\n"))


def test_a_refusing_network_inside_a_step_is_no_missing_engine() -> None:
    text = BAD.replace("E: Unable to locate package nosuch", "E: connection refused")
    assert isinstance(failure(JOB, ARGV, 1, fed(text)[0], ""), ImageError)


def test_a_full_disk_is_what_it_is() -> None:
    text = BAD.replace("E: Unable to locate package nosuch", "No space left on device")
    assert isinstance(failure(JOB, ARGV, 1, fed(text)[0], ""), EngineError)


def test_no_engine_is_no_failed_build() -> None:
    progress, _ = fed(
        "ERROR: Cannot connect to the Docker daemon at unix:///var/run/docker.sock."
    )
    assert isinstance(failure(JOB, ARGV, 1, progress, ""), MissingTool)


def test_a_refused_pull_names_the_remedy() -> None:
    progress, _ = fed(
        "#3 [internal] load metadata for docker.io/library/x:1\n"
        "#3 ERROR: failed to do request: Head: dial tcp: lookup registry.invalid"
    )
    error = failure(JOB, ARGV, 1, progress, "")
    assert isinstance(error, ImageError)
    assert "harness images base" in error.remedy
