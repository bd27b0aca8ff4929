# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of continuous integration."""

from dataclasses import dataclass
from typing import Annotated

from harness.config import kinds


@dataclass(frozen=True, kw_only=True)
class CI:
    """``[tool.harness.ci]``.

    `runner` is GitHub's name of the machines, `image` the container of GitLab's jobs,
    with ``{python}`` in it for the Python of a job.
    Pushes to `branches` are tested as a whole pipeline, too.  `python` runs the
    harness.  Images are kept in `registry`, below the name of the repository; an empty
    one is named by the repository's variable ``REGISTRY``, or there is none.  A job
    is ended after `timeout` seconds, a check's a little after its own; reports are kept
    for `days`.  The lines `scheduled` are run by the clock, at the times of the cron
    line `schedule` (GitHub alone).  With `reusable`, what pip installs as the harness,
    other repositories can call a workflow (GitHub) or a component (GitLab) of this one.
    With `traces` the jobs of suites trace their tests, and check by the traces of
    earlier runs what ``--affected`` would have missed.
    """

    runner: Annotated[str, kinds.text("a kind of machine", r"[\w.-]+")] = "ubuntu-24.04"
    image: Annotated[str, kinds.text("an image")] = "python:{python}-bookworm"
    branches: Annotated[tuple[str, ...], kinds.strings("names of branches")] = ("main",)
    python: Annotated[str, kinds.text('a Python such as "3.13"', r"3\.\d+")] = "3.13"
    registry: Annotated[str, kinds.text("a registry, or nothing", r"[\w.:/-]*")] = ""
    timeout: Annotated[int, kinds.duration(60)] = 45 * 60
    days: Annotated[int, kinds.number(1)] = 14
    schedule: Annotated[
        str, kinds.text('a cron line such as "17 3 * * 1"', r"[\d*,/-]+( [\w*,/-]+){4}")
    ] = "17 3 * * 1"
    scheduled: Annotated[tuple[str, ...], kinds.strings("command lines")] = ()
    reusable: Annotated[str, kinds.text("a pip requirement, or nothing")] = ""
    traces: Annotated[bool, kinds.flag()] = False
