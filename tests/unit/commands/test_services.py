# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans of deploy, lines of dry runs, findings of linters, numbers of replicas."""

import io
import json
import re
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from harness import toolbox
from harness.commands import deploy, lint, pip_install, stack_show
from harness.commands.stack import Stack
from harness.config import Config
from harness.config.schema import SourceTable
from harness.errors import UsageError
from harness.images import dockerfile, services
from harness.model import Origin, Source
from harness.runners import base, image
from harness.stack import lines
from harness.stack import project as projects
from harness.stack.compose import Container, parsed, replicas

ROOT = Path(__file__).parents[3]


def plan(tmp_path: Path, service: str, *, wait: bool = False, **counts: int):
    project = projects.make(Config(root=tmp_path))
    stack = Stack(context=None, project=project)  # type: ignore[arg-type]
    return deploy.DeployPlan(
        stack=stack, service=service, counts=counts, port=52000, wait=wait,
        terminal=False,
    )  # fmt: skip


def test_deploy_takes_the_place_of_replicas(tmp_path: Path) -> None:
    made = plan(tmp_path, "portal", portal=3, api=2, nginx=1)
    before = made.before()
    assert "--scale=portal=0" in before
    assert "--scale=api=2" in before
    assert before[-1] == "nginx"
    after = made.after()
    assert "--scale=portal=3" in after
    assert after[-1] == "portal"


def test_nothing_comes_back_where_nothing_was(tmp_path: Path) -> None:
    assert plan(tmp_path, "portal", api=1).after() == []


def test_a_worker_is_behind_nothing(tmp_path: Path) -> None:
    assert plan(tmp_path, "processing").around == ["erpserver"]


def test_the_service_is_told_to_wait_only_when_asked(tmp_path: Path) -> None:
    assert "DEBUGGER_WAIT=127.0.0.1:52000" in plan(
        tmp_path, "api", wait=True
    ).itself()  # fmt: skip
    assert not [
        word
        for word in plan(tmp_path, "api").itself()
        if "DEBUGGER" in str(word)
    ]  # fmt: skip


def test_secrets_are_in_no_line(tmp_path: Path) -> None:
    project = projects.make(Config(root=tmp_path))
    shown = list(lines.shown(project, "id", [["docker", "compose", "up", "a b"]]))
    assert shown[-1] == "docker compose up 'a b'"
    known = projects.variables(
        project, state="id", secrets=dict.fromkeys(("database_password",), "s")
    )
    text = "\n".join(shown)
    for name in (*known, "ADMIN_PASSWORD", "SESSION_SECRET"):
        assert f"{name}=" in text
    assert "cat " in text
    # A variable is set in a line before the one that uses it.
    assert "DATABASE_PASSWORD=" not in shown[1]


def test_settings_of_pip_are_roots_alone() -> None:
    """Root without capabilities can do nothing with files of others."""
    text = pip_install.archive({"PIP_CERT": b"certificate"})
    with tarfile.open(fileobj=io.BytesIO(text)) as tar:
        found = {one.name: one for one in tar.getmembers()}
        file = tar.extractfile("pip-settings/PIP_CERT")
        assert file
        assert file.read() == b"certificate"
    assert pip_install.PLACE == "/tmp/pip-settings"
    assert {(one.uid, one.gid) for one in found.values()} == {(0, 0)}
    assert found["pip-settings"].mode == 0o700
    assert found["pip-settings/PIP_CERT"].mode == 0o600


# -- containers ----------------------------------------------------------------


def listed(*names: str) -> list[Container]:
    return parsed(
        json.dumps(
            [
                {"Service": "portal", "Name": name, "State": "running"}
                for name in names
            ]
        )
    )  # fmt: skip


def test_containers_of_run_are_no_replicas_and_deployed_ones_are_seen() -> None:
    found = listed("x-portal-1", "x-portal-run-0123456789ab", "x-portal-deploy")
    assert [(one.name, one.deployed) for one in found] == [
        ("x-portal-deploy", True),
        ("x-portal-1", False),
    ]
    assert replicas(found) == {"portal": 1}


def test_one_replica_by_its_number() -> None:
    found = listed("x-portal-1", "x-portal-2", "x-portal-10")
    assert [one.number for one in found] == [1, 2, 10]
    assert stack_show.numbered(found, 0) == found
    assert stack_show.numbered(found, 10) == found[2:]
    with pytest.raises(UsageError, match="number 3") as caught:
        stack_show.numbered(found, 3)
    assert caught.value.checked == "there are 1, 2, 10"


def portal(**more: object) -> Container:
    values = {"state": "running", "health": "healthy", **more}
    return Container(service="portal", name="x-portal-1", **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("containers", "answer", "state", "up"),
    [
        ([], "does not answer", "–", False),
        ([portal()], "", "up", True),
        ([portal(), portal(), portal(health="unhealthy")], "", "2 of 3 up", True),
        ([portal()], "answers 502", "answers 502", False),
        ([portal(placeholder=True)], "", "placeholder", False),
        ([portal(placeholder=True)], "answers 502", "answers 502", False),
    ],
)
def test_an_address_is_as_it_answers(
    containers: list[Container], answer: str, state: str, *, up: bool
) -> None:
    found = stack_show.reached("portal", "http://x/", answer, containers)
    assert (found.state, found.up) == (state, up)


def test_a_placeholder_is_not_healthy() -> None:
    """The image says so, in its labels."""
    labels = "harness.service=portal,harness.placeholder=true,x=y"
    text = json.dumps(
        {"Service": "portal", "Name": "x-portal-1", "State": "running",
         "Health": "healthy", "Labels": labels}
    )  # fmt: skip
    [found] = parsed(text)
    assert found.said == "placeholder"
    assert found.well  # it is not in the way of an `up`
    assert replace(found, health="unhealthy").said == "unhealthy"


# -- images --------------------------------------------------------------------

TEXT = (ROOT / "Dockerfiles" / "Dockerfile").read_text("utf-8")


@pytest.mark.parametrize("service", services.SERVICES)
def test_every_image_has_execute_and_its_name(service: str) -> None:
    stage = dockerfile.parse(TEXT, {})[service]
    text = "\n".join(stage.instructions)
    assert "COPY common/execute common/healthy /usr/local/bin/" in text
    assert re.search(rf"\bSERVICE={service}\b", text)


@pytest.mark.parametrize("service", projects.PYTHON)
def test_what_is_deployed_is_what_the_image_runs(service: str) -> None:
    """`deploy` runs DEPLOY, `up` runs CMD: the same program."""
    stage = dockerfile.parse(TEXT, {})[service]
    text = "\n".join(stage.instructions)
    assert "common/reload.py" in text
    [deployed] = re.findall(r'\bDEPLOY="([^"]+)"', text)
    [command] = re.findall(r"^CMD (\[.*\])$", text, re.MULTILINE)
    words = json.loads(command)
    assert deployed.split()[: len(words)] == words


def test_the_editor_finds_each_service() -> None:
    launch = json.loads((ROOT / ".vscode" / "launch.json").read_text("utf-8"))
    ports = {
        one["name"].partition(" ")[0]: one["connect"]["port"]
        for one in launch["configurations"]
        if one["request"] == "attach"
    }
    assert ports.pop("tests") == 5678
    assert ports == projects.DEBUGGERS
    assert set(projects.DEBUGGERS) == set(projects.PYTHON)


def test_the_devcontainer_is_json() -> None:
    path = ROOT / ".devcontainer" / "devcontainer.json"
    made = json.loads(path.read_text("utf-8"))
    assert (path.parent / made["build"]["dockerfile"]).is_file()


# -- debugger of tests ---------------------------------------------------------


def test_waiting_tests_are_one_process_with_the_terminal() -> None:
    assert base.serial(("-x", "--harness-debugger=127.0.0.1:5678")) == "--debug"
    assert base.serial(("-x",)) == ""
    assert base.refused(("-v", "-p", "no:xdist")) == "-p no:xdist"
    assert base.refused(("-pno:xdist",)) == "-pno:xdist"
    assert base.refused(("-v", "-f")) == "-f"
    assert base.refused(("-v", "-p", "no:doctest")) == ""


def test_an_image_lets_the_editor_in() -> None:
    assert image.published(["pytest", "--harness-debugger=0.0.0.0:5678"]) == [
        "--publish", "127.0.0.1:5678:5678",
    ]  # fmt: skip
    assert image.published(["pytest"]) == []


# -- lint ----------------------------------------------------------------------


def source(path: Path) -> Source:
    return Source(name="one", path=path, origin=Origin.SRC)


def test_findings_of_both_linters(tmp_path: Path) -> None:
    text = "./a.py:2:5: F821 undefined name 'x'\nFound 1 error.\n"
    [found] = lint.findings(source(tmp_path / "src"), "flake8", text, tmp_path)
    assert str(found) == "src/a.py:2:5: F821 undefined name 'x'"
    text = "a.py:1:8: F401 [*] `os` imported but unused\n"
    [found] = lint.findings(source(tmp_path / "src"), "ruff", text, tmp_path)
    assert (found.line, found.column, found.code) == (1, 8, "F401")
    [found] = lint.findings(source(Path("/else")), "ruff", text, tmp_path)
    assert found.file == "/else/a.py"


@pytest.mark.parametrize(
    ("name", "text", "own"),
    [
        ("pyproject.toml", "[tool.ruff]\n", True),
        ("pyproject.toml", "[project]\n", False),
        ("pyproject.toml", "broken", False),
        ("ruff.toml", "", True),
        ("setup.cfg", "[flake8]\n", False),
    ],
)
def test_settings_of_directories_above_do_not_count(
    tmp_path: Path, name: str, text: str, own: bool
) -> None:
    (tmp_path / name).write_text(text)
    assert ("--isolated" not in lint.arguments(SourceTable(), tmp_path)) is own
    flake8 = SourceTable(lint="flake8", lint_options=("--exclude=static",))
    assert lint.arguments(flake8, tmp_path) == ["--exclude=static", "."]


@pytest.mark.parametrize("name", ["ruff", "flake8", "debug"])
def test_tools_are_pinned(name: str) -> None:
    assert all(re.fullmatch(r"\S+==\S+", one) for one in toolbox.pinned(name))
