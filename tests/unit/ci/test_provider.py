# SPDX-License-Identifier: GPL-3.0-or-later
import re
from dataclasses import replace
from pathlib import Path

import pytest

from harness import config
from harness.ci import pins, pipeline, provider
from harness.ci.matrix import Job

ROOT = Path(__file__).parents[3]
CONFIG = config.load(ROOT, {}, {})
GITHUB = provider.github(CONFIG, pins.read())


def test_the_workflow_is_as_configured() -> None:
    """What `harness ci generate --check` looks at."""
    assert (ROOT / provider.FILES["github"]).read_text("utf-8") == GITHUB


def test_what_the_clock_starts_is_as_configured() -> None:
    made = provider.files(CONFIG, "github", pins.read())
    assert list(made) == [provider.FILES["github"], provider.SCHEDULED]
    text = made[provider.SCHEDULED]
    assert (ROOT / provider.SCHEDULED).read_text("utf-8") == text
    assert f'cron: "{CONFIG.ci.schedule}"' in text
    assert re.findall(r"run: (.+)", text) == [f'"{one}"' for one in CONFIG.ci.scheduled]
    assert re.findall(r"^permissions: (.+)", text, re.M) == ["{}"]
    assert re.findall(r"uses: \S+@([0-9a-f]{40}) # v", text)
    assert text.count("persist-credentials: false") == len(CONFIG.ci.scheduled)
    assert ": write" not in text


def test_nothing_is_scheduled_by_itself() -> None:
    plain = replace(CONFIG, ci=replace(CONFIG.ci, scheduled=()))
    assert list(provider.files(plain, "github", pins.read())) == [
        provider.FILES["github"]
    ]
    assert list(provider.files(CONFIG, "gitlab", {})) == [provider.FILES["gitlab"]]


def test_every_action_is_pinned_by_a_commit() -> None:
    used = re.findall(r"uses: (\S+)@(\S+) # (\S+)", GITHUB)
    assert len(used) == GITHUB.count("uses:")
    known = pins.read()
    for name, commit, version in used:
        pin = known["/".join(name.split("/")[:2])]
        assert (commit, version) == (pin.commit, pin.version)
    assert {"/".join(name.split("/")[:2]) for name, *_ in used} == set(known)


def test_nobody_may_more_than_needed() -> None:
    assert "\npermissions: {}\n" in GITHUB
    assert re.findall(r"^ +(\S+): write", GITHUB, re.M) == ["packages"]
    publishing = GITHUB[
        GITHUB.index("\n  publish:\n") : GITHUB.index("\n  templates:\n")
    ]
    assert "packages: write" in publishing
    assert "github.event_name == 'push'" in publishing
    assert GITHUB.count("persist-credentials: false") == GITHUB.count(
        "actions/checkout@"
    )
    assert "secrets." not in GITHUB


def test_no_value_of_an_event_reaches_a_script() -> None:
    scripts = re.findall(r"run: (?:\|\n((?:          .*\n)+)|(.*))", GITHUB)
    assert scripts
    assert not [one for pair in scripts for one in pair if "${{" in one]


@pytest.mark.parametrize(
    "part",
    [
        "  merge_group:\n",
        "\nconcurrency:\n",
        "  gate:\n    name: gate\n",
        "if: ${{ always() }}",
        "&& !endsWith(github.event.action, 'labeled') }}\n",
        "    timeout-minutes: ${{ matrix.job.minutes }}\n",
        "if: ${{ matrix.job.packages[0] != null }}\n",
    ],
)
def test_the_workflow_has(part: str) -> None:
    assert part in GITHUB


def test_what_is_cached_is_of_this_python_and_suite() -> None:
    keys = re.findall(r"key: (\w+)-(.*)", GITHUB)
    for name, key in keys:
        if name in ("envs", "venv"):
            assert "${{ steps.python.outputs.python-version }}" in key
    envs = [key for name, key in keys if name == "envs"]
    assert ["matrix.template.name" in envs[0], "matrix.job.suite" in envs[1]] == [
        True
    ] * 2
    assert GITHUB.count("path: .venv\n") == GITHUB.count("id: python\n")
    other = replace(CONFIG, gate=replace(CONFIG.gate, program="harness"))
    assert "path: .venv\n" not in provider.github(other, pins.read())


def test_the_gate_waits_for_all_other_jobs() -> None:
    jobs = re.findall(r"^  (\w+):\n    name:", GITHUB, re.M)
    (needed,) = re.findall(r"  gate:\n    name: gate\n    needs: \[(.*)\]", GITHUB)
    assert set(jobs) - {"gate", "publish"} == set(needed.split(", "))


def test_a_job_runs_its_line_and_nothing_else() -> None:
    job = Job(
        name="portal-1-of-2", row="portal", suite="portal", database="local",
        python="3.12", shard="1/2", minutes=45, nox_line='nox -s portal -- -k "a or b"',
    )  # fmt: skip
    made = pipeline.Pipeline(
        everything="",
        jobs=(pipeline.Planned(job=job, pythons=("3.12",), templates=()),),
        templates=(),
        images=False,
    )
    text = provider.gitlab_jobs(CONFIG, made)
    assert '  script:\n    - "nox -s portal -- -k \\"a or b\\""\n  after_script' in text
    assert "image: python:3.12-bookworm" in text
    assert "--expect portal-1-of-2 " in text


def test_nothing_to_do_is_a_pipeline_too() -> None:
    none = pipeline.Pipeline(everything="", jobs=(), templates=(), images=False)
    assert "nothing must run" in provider.gitlab_jobs(CONFIG, none)
