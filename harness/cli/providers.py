# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness report`` and ``harness ci``."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.base import Commands, Parser, Words, actions, command, written
from harness.cli.gating import event_of
from harness.selection.trigger import EVENT

if TYPE_CHECKING:
    from harness.context import Context
    from harness.selection.choice import Chosen

PROVIDERS = ("github", "gitlab")


def add(commands: "Commands[Parser]") -> None:
    """Add these commands to the command line."""
    below = actions(command(commands, "report", "what runs have left"))
    one = command(below, "merge", "make one report of those of any number of jobs")
    one.add_argument(
        "directories", nargs="+", type=Path, metavar="DIR", help="reports/RUN, of a job"
    )
    one.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="instead of reports/ID"
    )
    one.add_argument(
        "--matrix",
        type=Path,
        metavar="FILE",
        help="what ci matrix has printed: each job of it must have left a report",
    )
    one.add_argument(
        "--expect",
        action="append",
        default=[],
        metavar="NAME",
        help="a job that must have left a report",
    )
    one.add_argument(
        "--gate", type=Path, metavar="FILE", help="the rows of the gate: gate.json"
    )
    one.add_argument(
        "--history",
        type=Path,
        metavar="DIR",
        help="earlier runs in short, where reports are not kept; this one is added",
    )
    one.set_defaults(call=_merge)
    _reports(below)
    _ci(actions(command(commands, "ci", "the pipelines of GitHub and GitLab")))


WHICH = "its id or the end of it; latest: the last one"


def _reports(below: "Commands[Parser]") -> None:
    command(below, "list", "the runs whose reports are here").set_defaults(
        call="reports.list_"
    )
    texts = {"show": "what a run told in its end", "open": "open a run's page"}
    for name, call in (
        ("show", "reports.show"),
        ("open", "reports.open_"),
    ):
        one = command(below, name, texts[name])
        one.add_argument("run", nargs="?", default="latest", metavar="RUN", help=WHICH)
        one.set_defaults(call=call)
    one = command(below, "compare", "which tests fail, are mended, slower, gone or new")
    one.add_argument("before", metavar="RUN", help=WHICH)
    one.add_argument("after", nargs="?", default="latest", metavar="RUN", help=WHICH)
    one.set_defaults(call="reports.compare")


def _ci(below: "Commands[Parser]") -> None:
    one = command(below, "generate", "write the provider's file from the configuration")
    one.add_argument(
        "--provider", choices=PROVIDERS, default="github", help="whose file"
    )
    one.add_argument(
        "--check", action="store_true", help="write nothing, fail if it would change"
    )
    one.set_defaults(call="ci.generate")
    one = _selecting(command(below, "matrix", "print the jobs of this change as JSON"))
    one.add_argument(
        "--provider", choices=PROVIDERS, default="github", help="gitlab: its jobs"
    )
    one.add_argument("-o", "--output", type=written, metavar="FILE", help="write it to")
    one.add_argument(
        "--outputs", type=written, metavar="FILE", help="add it to GITHUB_OUTPUT, too"
    )
    one.set_defaults(call=_matrix)
    one = _selecting(
        command(below, "run-job", "run jobs here as CI does, each in a fresh clone")
    )
    one.add_argument(
        "names", nargs="*", default=[], metavar="NAME", help="of ci matrix"
    )
    one.add_argument(
        "--all", action="store_true", help="all jobs, the verdict, one report"
    )
    one.set_defaults(call=_run_job)
    one = command(below, "refresh", "ask for the newest releases of the actions")
    one.set_defaults(call="ci.refresh")


def _selecting(one: Parser) -> Parser:
    one.add_argument(
        "--since",
        default="",
        metavar="REV",
        help="compare with the common ancestor with this revision",
    )
    one.add_argument("--full", action="store_true", help="everything, whatever changed")
    return one


def _merge(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import report

    return report.merge_(
        context,
        directories=tuple(options.directories),
        output=options.output,
        expected=(
            *(report.expected(options.matrix) if options.matrix else ()),
            *options.expect,
        ),
        gate=options.gate,
        history=options.history,
    )


def _matrix(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import ci

    return ci.matrix(
        context,
        chosen=_chosen(context, options),
        provider=options.provider,
        output=options.output,
        outputs=options.outputs,
    )


def _run_job(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import ci_jobs
    from harness.gate.judging import GateRequest

    event = event_of(context.environ.get(EVENT, ""))
    asked = GateRequest(since=options.since, full=options.full, event=event)
    return ci_jobs.run(
        context,
        asked=asked,
        names=tuple(options.names),
        everything=options.all,
    )


def _chosen(context: "Context", options: argparse.Namespace) -> "Chosen":
    from harness.selection import choice

    event = event_of(context.environ.get(EVENT, ""))
    return choice.select(context, since=options.since, full=options.full, event=event)
