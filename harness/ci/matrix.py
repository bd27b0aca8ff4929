# SPDX-License-Identifier: GPL-3.0-or-later
"""The jobs of CI, one for each part of what a merge needs: plain data.

A job is one line that a laptop can run as it is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from shlex import join

from harness import series as releases
from harness.config import Config, SuiteTable
from harness.masks import masked
from harness.selection.decisions import Selection

MARGIN = 5 * 60
"""Seconds of a job before its check begins and after it was ended, with its report."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One job: a shard of a suite, or a check of the gate (`suite` is empty then).

    `series` empty is the modules' own; `shard` is ``2/5``, empty for all of it;
    `row` is the row of the gate that it belongs to, `needs` are programs that the
    machine must have, `packages` what it installs of Debian; the job is ended after
    `minutes`.
    """

    name: str
    row: str
    suite: str = ""
    check: str = ""
    series: str = ""
    database: str = ""
    python: str
    shard: str = ""
    modules: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    minutes: int
    nox_line: str

    def document(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


def jobs(config: Config, selection: Selection) -> tuple[Job, ...]:
    """The jobs of what is selected, checks first."""
    checks = (_check(config, name) for name in selection.checks)
    suites = (
        job for name in selection.suites for job in _suite(config, name, selection)
    )
    return (*checks, *suites)


def _check(config: Config, name: str) -> Job:
    table = config.check[name]
    return Job(
        name=name,
        row=name,
        check=name,
        python=_python(config.series),
        needs=table.programs,
        packages=table.packages,
        minutes=max(config.ci.timeout, table.timeout + MARGIN) // 60,
        nox_line=line(config, ["gate", "--only", name]),
    )


def _suite(config: Config, name: str, selection: Selection) -> Iterator[Job]:
    table = config.suite[name]
    modules = selection.words.get(name, ())
    traced = ["--affected=check"] if config.ci.traces else []
    shards = [f"{at}/{table.shards}" for at in range(1, table.shards + 1)]
    for series, database, python, shard in product(
        table.series or ("",),
        table.databases or (config.database.server,),
        table.pythons or ("",),
        shards if table.shards > 1 else ("",),
    ):
        parts = (
            name,
            series if len(table.series) > 1 else "",
            database if len(table.databases) > 1 else "",
            f"py{python}" if len(table.pythons) > 1 else "",
            shard.replace("/", "-of-"),
        )
        yield Job(
            name="-".join(filter(None, parts)),
            row=name,
            suite=name,
            series=series,
            database=masked(database),
            python=python or _python(series or config.series),
            shard=shard,
            modules=modules,
            needs=_programs(table, database),
            minutes=config.ci.timeout // 60,
            nox_line=line(
                config,
                arguments(
                    config,
                    name,
                    modules,
                    series=series,
                    database=database if table.databases else _public(database),
                    shard=shard,
                )
                + traced,
            ),
        )


def arguments(
    config: Config,
    suite: str,
    modules: Sequence[str],
    *,
    series: str = "",
    database: str = "",
    shard: str = "",
) -> list[str]:
    """The words after ``harness`` that run a suite as the gate needs it."""
    words = ["test", suite, *modules]
    words += ["--series", series] if series else []
    words += ["--database", database] if database else []
    words += ["--shard", shard] if shard else []
    return [*words, "--coverage"] if measures(config) else words


def line(config: Config, words: Sequence[str]) -> str:
    """How the harness is called with these words, as it can be pasted."""
    return f"{config.gate.program} {join(words)}"


def measures(config: Config) -> bool:
    """Whether the gate judges coverage."""
    return bool(config.gate.coverage or config.gate.changed)


def _public(server: str) -> str:
    """Nothing for an address with a password: each job knows it by itself."""
    return server if masked(server) == server else ""


def _programs(table: SuiteTable, database: str) -> tuple[str, ...]:
    contained = database == "docker" or table.runner == "image"
    return ("docker",) if contained else ()


def _python(series: str) -> str:
    """The newest Python that a series runs on."""
    return f"3.{releases.find(series).python[1]}"
