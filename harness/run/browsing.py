# SPDX-License-Identifier: GPL-3.0-or-later
"""Stages of a step whose tests have a browser and servers."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from harness import browsers, engine
from harness.browsers import BrowserRequest, Browsers, Endpoint, capabilities
from harness.config import Config
from harness.context import Context
from harness.environment import Environment
from harness.errors import MissingTool, UsageError
from harness.output import Console
from harness.plan import Step
from harness.runners.image import Inside
from harness.store import Run

VARIABLE: Final = "HARNESS_BROWSER"
"""JSON for `harness.plugins.browser`."""
CLIENT: Final = (4, 10)
"""The oldest Selenium whose options we use."""


def choose(
    context: Context, current: Run, step: Step, inside: Inside | None = None
) -> tuple[Browsers, str]:
    """Where the browsers of a step come from, and why; starts nothing.

    Raises `MissingTool` with all reasons when none can be used.
    """
    table = context.config.browser
    wish = BrowserRequest(
        name=table.name,
        headed=table.headed,
        scratch=current.scratch(),
        arguments=table.arguments,
        capabilities=capabilities.read(table.capabilities),
        start_timeout=float(table.start_timeout),
        host=table.host,
    )
    asked = table.server
    if asked.startswith("http"):
        if not re.match(r"https?://[^/]", asked):
            raise UsageError(
                f"{asked!r} is no address of a WebDriver",
                remedy="write it as http://HOST:4444 or http://HOST:4444/wd/hub",
            )
        return browsers.choose(asked, [browsers.Grid(wish, asked)])
    docker = _docker(context, current, step, wish, inside)
    local = browsers.LocalBrowsers(wish, context.environ)
    known: dict[str, list[Browsers]] = {
        "auto": [docker] if inside else [local, docker],
        "docker": [docker],
        "local": [local],
    }
    if inside and asked == "local":
        raise UsageError(
            "a browser of this machine does not reach servers inside an image",
            checked="--browser local --in image",
            remedy="--browser docker",
        )
    return browsers.choose(asked, known[asked])


def beside(
    context: Context, current: Run, step: Step, inside: Inside, names: Sequence[str]
) -> Browsers:
    """A WebDriver that a suite's own code finds by `names` on its network.

    Raises `MissingTool` where there is no image of it.
    """
    wish = BrowserRequest(
        scratch=current.scratch(),
        start_timeout=float(context.config.browser.start_timeout),
    )
    made = _docker(context, current, step, wish, inside, names)
    return browsers.choose("docker", [made])[0]


def image(config: Config) -> str:
    """The one that browsers in containers are of."""
    images = config.images
    return config.browser.image or f"{images.prefix}/selenium:{images.variant}"


def _docker(
    context: Context,
    current: Run,
    step: Step,
    wish: BrowserRequest,
    inside: Inside | None,
    names: Sequence[str] = (),
) -> Browsers:
    return browsers.DockerBrowsers(
        wish,
        context.environ,
        image=image(context.config),
        labels=engine.labels(state=context.store.id, role="browser", run=current.id),
        name=f"harness-{current.id}-{step.name}",
        network=inside.network if inside else "",
        suite=inside.container("tests") if inside else "",
        aliases=names,
    )


class _Shown:
    """Browsers whose screens can be looked at: where is said when one is opened."""

    def __init__(self, chosen: Browsers, console: Console) -> None:
        self.chosen = chosen
        self.console = console
        self.kind = chosen.kind
        self.why_not = chosen.why_not
        self.versions = chosen.versions
        self.reach = chosen.reach
        self.close = chosen.close

    def open(self, worker: str) -> Endpoint:
        made = self.chosen.open(worker)
        if made.viewer:
            self.console.info(f"\nbrowser of {worker}: look at {made.viewer}")
        return made


@contextmanager
def closing(context: Context, chosen: Browsers) -> Iterator[Browsers]:
    """Say where browsers are seen; end what workers have left, after a step."""
    try:
        yield _Shown(chosen, context.console)
    finally:
        chosen.close()


def client(environment: Environment, step: Step) -> str:
    """The version of Selenium that a suite's environment has.

    Raises `MissingTool` where there is none, or one that is too old.
    """
    found = sorted(environment.site.glob("selenium-*.dist-info"))
    version = found[-1].name.split("-")[1].removesuffix(".dist") if found else ""
    numbers = tuple(int(one) for one in re.findall(r"\d+", version)[:2])
    if numbers >= CLIENT:
        return version
    source = step.source.name if step.source else step.suite
    raise MissingTool(
        f"the suite's environment has {f'Selenium {version}' if version else 'none'}"
        " of what drives browsers",
        checked=f"selenium >= {'.'.join(map(str, CLIENT))} in {environment.site}",
        remedy=f"name it among the extras or requirements of"
        f" [tool.harness.source.{source}]",
    )


def order(context: Context, current: Run, step: Step, chosen: Browsers | None) -> str:
    """What the plugin in the workers is told; without a browser, of servers alone."""
    config = context.config
    names = config.suite[step.suite].servers
    tables = {name: config.server[name] for name in names}
    return json.dumps(
        {
            "evidence": config.browser.evidence,
            "page_timeout": config.browser.page_timeout,
            "scratch": str(current.scratch()),
            "kind": chosen.kind if chosen else "",
            "servers": {
                name: {
                    "command": one.command,
                    "health": one.health,
                    "timeout": one.timeout,
                    "always": one.always,
                    "port": one.port,
                    "environment": dict(
                        line.partition("=")[::2] for line in one.environment
                    ),
                }
                for name, one in tables.items()
            },
        }
    )
