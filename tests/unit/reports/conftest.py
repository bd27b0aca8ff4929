# SPDX-License-Identifier: GPL-3.0-or-later
"""A run as it could have been: two steps, two workers, two failures."""

from collections.abc import Callable

import pytest

from harness.model import (
    FileCoverage,
    LeaseCost,
    Outcome,
    RunResult,
    StepResult,
    TemplateCost,
    TestResult,
)

START = 1_780_000_000.0
MODULES = ("company", "country", "currency", "party", "collecting_society")
LONGREPR = """\
self = <trytond.modules.collecting_society.tests.test_utilisation.Case object>

    @with_transaction()
    def test_distribution(self):
        pool = Pool()
        Utilisation = pool.get("utilisation")
>       self.assertEqual(utilisation.state, "distributed")
E       AssertionError: 'confirmed' != 'distributed'
E       - confirmed
E       + distributed

tests/test_utilisation.py:214: AssertionError
"""

Build = Callable[..., RunResult]


def build_tests(number: int, failed: int, workers: int) -> list[TestResult]:
    clocks = [START + 9.5] * workers
    tests = []
    for index in range(number):
        worker = index % workers
        outcome = Outcome.PASSED
        if index < failed:
            outcome = Outcome.FAILED
        elif index % 23 == 22:
            outcome = Outcome.SKIPPED
        duration = 0.02 + (index * 7919 % 97) / 400
        module = MODULES[index * len(MODULES) // number]
        tests.append(
            TestResult(
                step="tryton" if module != MODULES[-1] else "society",
                id=f"tests/test_{module}.py::{module.title()}Case::test_{index:04}",
                module=module,
                worker=f"gw{worker}",
                outcome=outcome,
                started=clocks[worker],
                duration=duration,
                phases={
                    "setup": duration * 0.3,
                    "call": duration * 0.6,
                    "teardown": duration * 0.1,
                },
                waits=duration * 0.1,
                message="AssertionError: 'confirmed' != 'distributed'"
                if outcome is Outcome.FAILED
                else "",
                longrepr=LONGREPR if outcome is Outcome.FAILED else "",
                sections=(("Captured log call", "WARNING trytond: no mail server"),),
                file=f"tests/test_{module}.py",
                line=index + 1,
            )
        )
        clocks[worker] += duration + 0.004
    return tests


@pytest.fixture
def build() -> Build:
    """Make a run of `number` tests, `failed` of them failed."""

    def build(number: int = 46, *, failed: int = 2, workers: int = 2) -> RunResult:
        tests = build_tests(number, failed, workers)
        end = max((test.started + test.duration for test in tests), default=START)
        steps = tuple(
            build_step(name, [test for test in tests if test.step == name], end)
            for name in ("tryton", "society")
            if not tests or any(test.step == name for test in tests)
        )
        return RunResult(
            id="20260528-201320-4c1f",
            command="harness test tryton society -n 2",
            started=START,
            seconds=end - START + 0.4,
            exit_code=1 if failed else 0,
            version="1.0.0",
            steps=steps,
            templates=build_templates(),
            leases=build_leases(tests),
            coverage=build_coverage(),
            header={"python": "3.11.7", "server": "PostgreSQL 16.4 (local)"},
        )

    return build


def build_step(name: str, tests: list[TestResult], end: float) -> StepResult:
    bad = any(test.outcome is Outcome.FAILED for test in tests)
    return StepResult(
        name=name,
        suite=name,
        series="7.0",
        database="local",
        exit_code=1 if bad else 0,
        started=min((test.started for test in tests), default=START) - 0.6,
        seconds=max(end - START - 9, 0.1),
        sources=("collecting_society (src 1f3c9d2 dirty)", "portal_web (examples)"),
        log=f"reports/20260528-201320-4c1f/{name}.log",
        tests=tuple(tests),
    )


def build_templates() -> tuple[TemplateCost, ...]:
    return (
        TemplateCost(
            name="t_91",
            digest="91" * 32,
            layer="official",
            modules=("company", "country", "currency", "party", "res"),
            action="reused",
            started=START + 0.2,
            seconds=0.012,
            size=14_000_000,
        ),
        TemplateCost(
            name="t_4f",
            digest="4f" * 32,
            layer="sources",
            modules=("collecting_society",),
            action="built",
            started=START + 0.3,
            seconds=8.4,
            size=31_500_000,
        ),
    )


def build_leases(tests: list[TestResult]) -> tuple[LeaseCost, ...]:
    return tuple(
        LeaseCost(
            worker=test.worker,
            template="t_4f",
            kind=("clean", "ready", "fresh")[index % 3],
            started=test.started,
            seconds=test.waits,
        )
        for index, test in enumerate(tests)
    )


def build_coverage() -> tuple[FileCoverage, ...]:
    return (
        FileCoverage(
            path="collecting_society/utilisation.py",
            statements=300,
            missing=30,
            branches=100,
            partial=12,
            percent=88.0,
        ),
        FileCoverage(
            path="collecting_society/party.py",
            statements=90,
            missing=0,
            branches=10,
            partial=0,
            percent=100.0,
        ),
    )
