# SPDX-License-Identifier: GPL-3.0-or-later
"""The peers: plain pytest on SQLite, with Tryton's own cache, with workers."""

from collections.abc import Mapping
from pathlib import Path

import timing
from project import HERE, Project
from timing import Timed

DATABASE = "bench_plain"


class Plain:
    """Plain pytest in the suite's own environment, without the harness."""

    def __init__(self, project: Project, logs: Path) -> None:
        self.project = project
        self.logs = logs
        self.results = project.scratch / "plain.jsonl"

    def sqlite(self) -> Timed:
        """(a): the database in memory, made anew by each class and scenario."""
        variables = {"DB_NAME": ":memory:", "TRYTOND_DATABASE_URI": "sqlite://"}
        return self._suite("plain-sqlite", variables)

    def postgresql(self, *, cache: bool) -> Timed:
        """(b) with ``DB_CACHE``, (b2) without; on the server that is held."""
        self.project.drop(DATABASE)
        variables = {**self.project.postgresql(), "DB_NAME": DATABASE}
        if cache:
            variables["DB_CACHE"] = self._cache()
        return self._suite("plain-cache" if cache else "plain-postgresql", variables)

    def _cache(self) -> str:
        """Databases as templates since 7.0, dumps in a directory before."""
        major = int(self.project.step("local").series.partition(".")[0])
        return "postgresql://" if major >= 7 else str(self.project.scratch / "dumps")

    def workers(self) -> Timed:
        """(w): stock pytest-xdist, two cold workers, with ``DB_CACHE``."""
        for worker in ("gw0", "gw1"):
            self.project.drop(f"{DATABASE}_{worker}")
        cache = {"DB_NAME": DATABASE, "DB_CACHE": self._cache()}
        options = ["-n", "2", "-p", "bench_workers", "--doctest-glob=scenario_*.rst"]
        variables = {**self.project.postgresql(), **cache}
        return self._pytest("plain-workers", options, variables)

    def ready(self, database: str, chosen: str) -> Timed:
        """(e): the tests that ``-k`` chooses, on a database that is there."""
        variables = {**self.project.postgresql(), "DB_NAME": database}
        options = ["-p", "bench_ready", "-k", chosen, "--doctest-glob=scenario_*.rst"]
        return self._pytest("bare", options, variables)

    def _suite(self, name: str, variables: Mapping[str, str]) -> Timed:
        """The way that passes: pytest needs a conftest to run scenarios right.

        Without one, it knows nothing of ``load_tests``, which drops the database
        after each scenario; unittest does.
        """
        if (self.project.tests / "conftest.py").exists():
            return self._pytest(name, ["--doctest-glob=scenario_*.rst"], variables)
        done = self._pytest(name, [], variables)
        if (self.project.tests / "test_scenario.py").exists():
            done += self._unittest(name, variables)
        return done

    def _pytest(
        self, name: str, options: list[str], variables: Mapping[str, str]
    ) -> Timed:
        self.results.unlink(missing_ok=True)
        argv = [
            self.project.environment.python, "-m", "pytest",
            "-p", "harness.plugins.results", f"--harness-results={self.results}",
            "-o", f"cache_dir={self.project.scratch / 'pytest'}",
            *options, self.project.tests,
        ]  # fmt: skip
        return timing.run(
            name,
            argv,
            env=self._environ(variables),
            cwd=self.project.root,
            logs=self.logs,
            results=self.results,
        )

    def _unittest(self, name: str, variables: Mapping[str, str]) -> Timed:
        module = f"trytond.modules.{self.project.source}.tests.test_scenario"
        done = timing.run(
            f"{name}-scenarios",
            [self.project.environment.python, "-m", "unittest", "-v", module],
            env=self._environ(variables),
            cwd=self.project.root,
            logs=self.logs,
        )
        found = timing.scenarios(done.log, self.project.tests)
        return Timed(**{**vars(done), "outcomes": found})

    def _environ(self, variables: Mapping[str, str]) -> dict[str, str]:
        path = self.project.plugins(HERE / "plugins")
        return {**self.project.plain, **variables, "PYTHONPATH": path}
