# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness watch``: save a file, see the tests that it concerns, again and again."""

from collections.abc import Callable
from dataclasses import replace

from harness.context import Context
from harness.errors import ExitCode, UsageError
from harness.plan import Step
from harness.run import request
from harness.run.events import Events
from harness.run.kept import KeptStep
from harness.run.keyboard import Keyboard
from harness.run.request import RunRequest
from harness.run.saves import Saves
from harness.run.watching import Watching
from harness.runners import base
from harness.store import Run


def run(
    context: Context, asked: RunRequest, *, reload: Callable[[], Context], keys: int
) -> int:
    """Watch a suite until the user quits; `keys` is the handle of the keyboard."""
    step = plan(context, asked)

    def again() -> tuple[Context, Step]:
        now = reload()
        return now, plan(now, asked)

    events = Events()
    saves = Saves(
        {context.config.root, *(one.path for one in context.sources.values())},
        apart=(context.store.path, context.config.root / context.config.reports),
        saved=lambda files: events.put(("saved", files)),
        tell=lambda text: events.put(("tell", text)),
    )
    with Run(context.store) as current:
        kept = KeptStep(
            current,
            lambda number, done: events.put(("ended", (number, done))),
            events.supersede,
        )
        watch = Watching(context, step, kept, again, events)
        try:
            saves.start()
            with Keyboard(keys, lambda key: events.put(("key", key))):
                watch.begin()
                with context.console.showing(watch.rows):
                    watch.loop()
        finally:
            saves.close()
            kept.close()
            current.end_left(context.console.warn)
    return ExitCode.OK


def plan(context: Context, asked: RunRequest) -> Step:
    """The one step that is watched; raises `UsageError` for what cannot be."""
    steps = request.steps_of(context, asked)
    if len(steps) > 1:
        raise UsageError(
            f"modules of {len(steps)} series cannot be watched at once",
            checked=", ".join(one.name for one in steps),
            remedy="name modules of one series, or pass --series",
        )
    [step] = steps
    terminal = base.serial(step.options)
    if step.runner == "image" or terminal:
        raise UsageError(
            f"watch's keys and {terminal} both need the terminal"
            if terminal
            else f"the suite {step.suite} runs inside an image: it cannot be watched",
            remedy=f"harness test {step.suite}",
        )
    return replace(step, coverage=False, affected="watch")
