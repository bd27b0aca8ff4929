# SPDX-License-Identifier: GPL-3.0-or-later
import json
import re
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from harness import config
from harness.ci import matrix, pins, pipeline, provider
from harness.ci.matrix import Job
from harness.selection.decisions import Selection

ROOT = Path(__file__).parents[3]
CONFIG = config.load(ROOT, {}, {})
GITHUB = provider.github(CONFIG, pins.read())


def test_the_workflow_is_as_configured() -> None:
    """What `harness ci generate --check` looks at."""
    assert (ROOT / provider.FILES["github"]).read_text("utf-8") == GITHUB


def test_what_the_clock_starts_is_as_configured() -> None:
    made = provider.files(CONFIG, "github", pins.read())
    assert provider.SCHEDULED in made
    text = made[provider.SCHEDULED]
    assert (ROOT / provider.SCHEDULED).read_text("utf-8") == text
    assert f'cron: "{CONFIG.ci.schedule}"' in text
    assert re.findall(r"run: (.+)", text) == [f'"{one}"' for one in CONFIG.ci.scheduled]
    assert re.findall(r"^permissions: (.+)", text, re.M) == ["{}"]
    assert re.findall(r"uses: \S+@([0-9a-f]{40}) # v", text)
    assert text.count("persist-credentials: false") == len(CONFIG.ci.scheduled)
    assert ": write" not in text


def test_nothing_is_scheduled_by_itself() -> None:
    plain = replace(CONFIG, ci=replace(CONFIG.ci, scheduled=(), reusable=""))
    assert list(provider.files(plain, "github", pins.read())) == [
        provider.FILES["github"]
    ]
    assert list(provider.files(CONFIG, "gitlab", {})) == [provider.FILES["gitlab"]]


def test_what_other_repositories_call_is_as_configured() -> None:
    made = provider.files(CONFIG, "github", pins.read())
    for name in (provider.CALLED, provider.COMPONENT):
        assert (ROOT / name).read_text("utf-8") == made[name]
        assert f'default: "{CONFIG.ci.reusable}"' in made[name]
    called = made[provider.CALLED]
    assert "workflow_call:" in called
    assert ": write" not in called
    script = "".join(re.findall(r"run: \|\n((?: {10}.*\n)+)", called))
    assert "harness test" in script
    assert "${{" not in script, "no value of a caller is part of a script"


def _is_gitlabs(document: object) -> None:
    found = find_spec("check_jsonschema")  # its import tries the network
    vendor = (
        Path(str(found.origin if found else "")).parent / "builtin_schemas" / "vendor"
    )
    schema = json.loads((vendor / "gitlab-ci.json").read_text("utf-8"))
    jsonschema.validate(document, schema)


def test_a_component_is_what_gitlab_reads() -> None:
    header, jobs = YAML(typ="safe").load_all((ROOT / provider.COMPONENT).read_text())
    for document in (header, jobs):
        _is_gitlabs(document)
    asked = re.findall(r"inputs\.(\w+)", (ROOT / provider.COMPONENT).read_text())
    assert set(asked) == set(header["spec"]["inputs"])


def test_a_release_is_published_by_its_tag_and_no_password() -> None:
    text = (ROOT / ".github/workflows/release.yml").read_text("utf-8")
    assert re.findall(r"^ +(\S+): write", text, re.M) == ["id-token"]
    assert "secrets." not in text
    known = {(one.commit, one.version) for one in pins.read().values()}
    assert set(re.findall(r"uses: \S+@(\S+) # (\S+)", text)) <= known


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


def test_traces_of_jobs_are_merged_and_kept_after_a_push() -> None:
    assert "traces" not in GITHUB
    other = replace(CONFIG, ci=replace(CONFIG.ci, traces=True))
    text = provider.github(other, pins.read())
    jobs = YAML(typ="safe").load(text)["jobs"]
    [restored] = [one for one in jobs["test"]["steps"] if "traces" in str(one)]
    assert "/restore@" in restored["uses"]
    steps = [one for one in jobs["gate"]["steps"] if "traces" in str(one)]
    assert ["/restore@" in one.get("uses", "") for one in steps] == [True, False, False]
    assert ["github.event_name == 'push'" in one["if"] for one in steps] == [True] * 3
    assert "cp merged/traces/* .harness/state/traces/" in steps[1]["run"]
    assert steps[2]["with"]["key"] == restored["with"]["key"]
    made = matrix.jobs(other, Selection(suites={"portal": ""}, checks={"lint": ""}))
    traced = [job.nox_line.endswith(" --affected=check") for job in made]
    assert traced == [bool(job.suite) for job in made]


def test_the_gate_waits_for_all_other_jobs() -> None:
    jobs = re.findall(r"^  (\w+):\n    name:", GITHUB, re.M)
    (needed,) = re.findall(r"  gate:\n    name: gate\n    needs: \[(.*)\]", GITHUB)
    assert set(jobs) - {"gate", "publish"} == set(needed.split(", "))


def test_a_job_runs_its_line_and_nothing_else() -> None:
    job = Job(
        name="portal-1-of-2", row="portal", suite="portal", database="local",
        python="3.12", shard="1/2", minutes=45, nox_line='nox -s portal -- -k "a or b"',
    )  # fmt: skip
    text = provider.gitlab_jobs(CONFIG, _of(job))
    assert '  script:\n    - "nox -s portal -- -k \\"a or b\\""\n  after_script' in text
    assert "image: python:3.12-bookworm" in text
    assert "--expect portal-1-of-2 " in text


def _of(job: Job) -> pipeline.Pipeline:
    planned = pipeline.Planned(job=job, pythons=("3.12",), templates=())
    return pipeline.Pipeline(everything="", jobs=(planned,), templates=(), images=False)


def test_gitlab_caches_the_traces_of_all_jobs_but_those_of_a_merge_request() -> None:
    job = Job(
        name="portal", row="portal", suite="portal", python="3.12", minutes=45,
        nox_line="nox -s portal -- --affected=check",
    )  # fmt: skip
    other = replace(CONFIG, ci=replace(CONFIG.ci, traces=True))
    assert "traces" not in provider.gitlab_jobs(CONFIG, _of(job))
    jobs = YAML(typ="safe").load(provider.gitlab_jobs(other, _of(job)))
    _is_gitlabs(jobs)
    cached = {"key": "traces", "paths": [".harness/state/traces"]}
    assert {**cached, "policy": "pull"} in jobs["test portal"]["cache"]
    assert {**cached, "when": "always"} in jobs["gate"]["cache"]
    *_, merge, keep, last = jobs["gate"]["script"]
    assert "report merge" in merge
    assert keep.startswith('if [ -z "${CI_MERGE_REQUEST_IID:-}" ]')
    assert "cp merged/traces/* .harness/state/traces/" in keep
    assert last == 'exit "$code"'


def test_nothing_to_do_is_a_pipeline_too() -> None:
    none = pipeline.Pipeline(everything="", jobs=(), templates=(), images=False)
    assert "nothing must run" in provider.gitlab_jobs(CONFIG, none)
