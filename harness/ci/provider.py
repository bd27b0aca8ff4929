# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that providers read, from the configuration: pure text."""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from harness.ci.pins import Pin
from harness.ci.pipeline import Pipeline
from harness.config import Config

FILES: Final = {
    "github": ".github/workflows/gate.yml",
    "gitlab": ".gitlab-ci.yml",
}
"""Where a provider looks, relative to the root."""
SCHEDULED: Final = ".github/workflows/scheduled.yml"
"""What GitHub runs by the clock, where the configuration has something for it."""

CALLED: Final = ".github/workflows/module.yml"
COMPONENT: Final = "templates/module.yml"
"""What other repositories call: a workflow of GitHub's, a component of GitLab's."""


def files(config: Config, name: str, pins: Mapping[str, Pin]) -> dict[str, str]:
    """The texts of a provider's files, by where it looks for them."""
    if name == "gitlab":
        return {FILES[name]: gitlab(config)}
    made = {FILES[name]: github(config, pins)}
    if config.ci.scheduled:
        made[SCHEDULED] = scheduled(config, pins)
    if config.ci.reusable:
        made[CALLED] = _rendered("github-module.yml.j2", config, pins=pins)
        made[COMPONENT] = _rendered("gitlab-module.yml.j2", config)
    return made


def github(config: Config, pins: Mapping[str, Pin]) -> str:
    """The workflow of GitHub Actions."""
    return _rendered(
        "github.yml.j2",
        config,
        pins=pins,
        registry=config.ci.registry or "${{ vars.REGISTRY }}",
    )


def scheduled(config: Config, pins: Mapping[str, Pin]) -> str:
    """The workflow of GitHub Actions that the clock starts."""
    return _rendered("github-scheduled.yml.j2", config, pins=pins)


def gitlab(config: Config) -> str:
    """GitLab's pipeline: it plans, and starts another one of what is planned."""
    return _rendered("gitlab.yml.j2", config)


def gitlab_jobs(config: Config, pipeline: Pipeline) -> str:
    """That other pipeline."""
    return _rendered("gitlab-jobs.yml.j2", config, pipeline=pipeline)


def _rendered(name: str, config: Config, **values: object) -> str:
    text = (
        _environment()
        .get_template(name)
        .render(
            ci=config.ci,
            program=config.gate.program,
            minutes=config.ci.timeout // 60,
            **values,
        )
    )
    deep = " {4}" if name.startswith("github") else " "
    return re.sub(rf"\n\n+(?={deep})", "\n", text)


@cache
def _environment() -> Environment:
    """Brackets for what GitHub's and the shell's own braces are not mistaken for."""
    environment = Environment(  # noqa: S701 — YAML, of values that are checked
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        variable_start_string="[[",
        variable_end_string="]]",
        block_start_string="[%",
        block_end_string="%]",
        comment_start_string="[#",
        comment_end_string="#]",
    )
    environment.filters |= {"json": json.dumps, "expected": " --expect {}".format}
    return environment
