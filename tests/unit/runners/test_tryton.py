# SPDX-License-Identifier: GPL-3.0-or-later
"""The command and the environment of a step of Tryton modules."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness import plan
from harness.environment import Environment
from harness.interpreters import Interpreter
from harness.locks import Lock
from harness.model import Isolation, Module, Origin
from harness.plan import Step
from harness.runners import base, tryton
from harness.runners.base import Files


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    path = tmp_path / "envs" / "tryton-7.0-py3.11-0123456789"
    path.mkdir(parents=True)
    return Environment(
        path=path,
        interpreter=Interpreter(path=Path("/usr/bin/python3.11"), version=(3, 11)),
        lock=Lock(tmp_path / "lock"),
    )


@pytest.fixture
def files(tmp_path: Path) -> Files:
    directory = tmp_path / "reports" / "20260101120000abcdef"
    directory.mkdir(parents=True)
    return Files(
        directory=directory,
        cache=tmp_path / "state" / "pytest",
        timings=tmp_path / "state" / "timings.json",
        link=tmp_path / "state" / "link",
    )


@pytest.fixture
def modules(tmp_path: Path, environment: Environment) -> dict[str, Module]:
    places = {
        "party": environment.site / "trytond" / "modules" / "party",
        "bank": environment.site / "trytond" / "modules" / "bank",
        "society": tmp_path / "stack" / "src" / "society",
        "artist": tmp_path / "stack" / "src" / "checkout" / "artist",
    }
    made = {}
    for name, path in places.items():
        (path / "tests").mkdir(parents=True)
        origin = Origin.SRC if "src" in path.parts else Origin.INDEX
        made[name] = Module(name=name, path=path, version="7.0.0", origin=origin)
    return made


def step(modules: dict[str, Module], *names: str) -> Step:
    return Step(
        suite="tryton",
        series="7.0",
        tested=tuple(
            plan.Tested(name=name, origin=modules[name].origin, reason="named")
            for name in names
        ),
        sources=(),
        database="local",
        reason="asked for",
        isolation=Isolation.TEST,
        workers=3,
    )


# -- the command -------------------------------------------------------------


def test_the_command(
    modules: dict[str, Module], environment: Environment, files: Files
) -> None:
    one = replace(step(modules, "society", "party"), options=("-k", "view or rights"))
    argv = tryton.command(one, modules, environment, files)
    directory = files.directory
    assert argv == [
        str(environment.path / "bin" / "python"), "-m", "harness.plugins.workers",
        "-p", "harness.plugins.workers",
        "-p", "harness.plugins.results",
        "-p", "harness.plugins.hidden",
        "-p", "harness.plugins.limits",
        "-p", "harness.plugins.tryton",
        "-p", "harness.plugins.places",
        "-p", "harness.plugins.given",
        "-c", str(directory / "pytest.ini"),
        f"--rootdir={environment.path.parents[1]}",  # above all of them
        "--doctest-glob=scenario_*.rst",
        "-n", "3", f"--max-worker-restart={base.RESTARTS}",
        "--harness-isolation=test",
        f"--harness-results={directory / 'tryton-7.0.jsonl'}",
        f"--harness-junit={directory / 'tryton-7.0.junit.xml'}",
        "-o", f"cache_dir={files.cache}",
        "--harness-timeout=0",
        "-k", "view or rights",
        f"--harness-timings={files.timings}",
        str(modules["society"].path / "tests"),
        str(modules["party"].path / "tests"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("workers", "manner"), [(1, plan.Manner()), (3, plan.Manner(exact=("a::b",)))]
)
def test_one_worker_is_none(
    modules: dict[str, Module],
    environment: Environment,
    files: Files,
    workers: int,
    manner: plan.Manner,
) -> None:
    one = replace(step(modules, "party"), workers=workers, manner=manner)
    argv = tryton.command(one, modules, environment, files)
    assert argv[1:3] == ["-m", "harness.plugins.workers"]
    assert argv[argv.index("-n") + 1] == "0"


def test_paths_replace_the_modules_tests(
    modules: dict[str, Module], environment: Environment, files: Files
) -> None:
    one = replace(step(modules, "party"), paths=("tests/test_party.py::PartyCase",))
    argv = tryton.command(one, modules, environment, files)
    assert argv[-1] == "tests/test_party.py::PartyCase"
    assert str(modules["party"].path / "tests") not in argv


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), ""),
        (("-x", "-k", "view"), ""),
        (("-x", "--pdb"), "--pdb"),
        (("--trace",), "--trace"),
        (("-s",), "-s"),
        (("--capture=no", "--pdb"), "--capture=no"),
        (("--capture=sys",), ""),
        (("--capture", "no"), "--capture no"),
        (("--capture", "sys"), ""),
        (("-xs",), "-xs"),
        (("-x", "-sv"), "-sv"),
        (("--strict-markers", "-ks"), ""),
    ],
)
def test_serial(options: tuple[str, ...], expected: str) -> None:
    assert base.serial(options) == expected


# -- the configuration of pytest ---------------------------------------------


def settings(
    modules: dict[str, Module], environment: Environment, files: Files, *names: str
) -> list[str]:
    return tryton._settings(step(modules, *names), modules, environment, files)


def test_without_configuration_there_is_an_empty_one(
    modules: dict[str, Module], environment: Environment, files: Files
) -> None:
    own = files.directory / "pytest.ini"
    assert settings(modules, environment, files, "society") == [
        "-c", str(own), f"--rootdir={modules['society'].path}",
    ]  # fmt: skip
    assert own.read_text() == "[pytest]\n"
    assert settings(modules, environment, files, "party")[-1] == (
        f"--rootdir={environment.site / 'trytond' / 'modules'}"
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pytest.ini", ""),
        (".pytest.ini", "[pytest]\n"),
        ("tox.ini", "[tox]\n[pytest]\naddopts = -x\n"),
        ("setup.cfg", "[tool:pytest]\naddopts = %(x)s\n"),
        ("pyproject.toml", "[tool.pytest.ini_options]\naddopts = '-x'\n"),
        ("pytest.toml", "[pytest]\naddopts = ['-x']\n"),
        (".pytest.toml", ""),
    ],
)
@pytest.mark.parametrize("where", ["tests", "", ".."])
def test_the_modules_own_configuration(
    modules: dict[str, Module],
    environment: Environment,
    files: Files,
    name: str,
    text: str,
    where: str,
) -> None:
    file = (modules["artist"].path / where / name).resolve()
    file.write_text(text)
    assert settings(modules, environment, files, "artist") == ["-c", str(file)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("tox.ini", "[tox]\nenvlist = py311\n"),
        ("tox.ini", "no section\n"),
        ("setup.cfg", "[pytest]\n"),
        ("pyproject.toml", "[tool.ruff]\n"),
        ("pyproject.toml", "[tool.pytest"),
        ("pyproject.toml", ""),
    ],
)
def test_what_is_no_configuration_of_pytest(
    modules: dict[str, Module],
    environment: Environment,
    files: Files,
    name: str,
    text: str,
) -> None:
    (modules["artist"].path / name).write_text(text)
    found = settings(modules, environment, files, "artist")
    assert found[1] == str(files.directory / "pytest.ini")


def test_the_nearest_configuration_counts(
    modules: dict[str, Module], environment: Environment, files: Files
) -> None:
    path = modules["artist"].path
    for directory in (path.parent, path, path / "tests"):
        (directory / "setup.cfg").write_text("[tool:pytest]\n")
    (path / "pytest.ini").touch()
    assert settings(modules, environment, files, "artist") == [
        "-c", str(path / "tests" / "setup.cfg"),
    ]  # fmt: skip


def test_nothing_above_an_installed_module_counts(
    modules: dict[str, Module], environment: Environment, files: Files
) -> None:
    (modules["party"].path.parent / "pytest.ini").touch()
    found = settings(modules, environment, files, "party")
    assert found[1] == str(files.directory / "pytest.ini")


def test_many_modules_share_none(
    modules: dict[str, Module], environment: Environment, files: Files
) -> None:
    (modules["artist"].path / "pytest.ini").touch()
    found = settings(modules, environment, files, "artist", "society")
    assert found[1] == str(files.directory / "pytest.ini")


# -- the environment ---------------------------------------------------------

DATABASE = {
    "PGHOST": "/dev/shm/harness/s",
    "TRYTOND_DATABASE_URI": "postgresql:///",
    "DB_NAME": "test",
}


def variables(
    modules: dict[str, Module], files: Files, *names: str, **more: str
) -> dict[str, str]:
    one = step(modules, *(names or ("party",)))
    return base.variables(
        one,
        measured=tryton.measured(one, modules),
        files=files,
        environ=more,
        database=DATABASE,
    )


@pytest.mark.parametrize(
    "name",
    [
        "PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST", "TRYTOND_CONFIG",
        "TRYTOND_DATABASE_URI", "DB_CACHE", "DB_NAME", "PGHOST", "PGPASSWORD",
        "COVERAGE_PROCESS_START", "HARNESS_JOBS", "HARNESS_BROKER",
        "PYTHONPATH", "PYTHONHOME",
    ],
)  # fmt: skip
def test_what_would_change_the_tests_is_hidden(
    modules: dict[str, Module], files: Files, name: str
) -> None:
    env = variables(modules, files, **{name: "from outside"})
    assert "from outside" not in env.values()


@pytest.mark.parametrize("name", ["PATH", "LANG", "HOME", "TERM", "PYTHONWARNINGS"])
def test_the_rest_is_handed_on(
    modules: dict[str, Module], files: Files, name: str
) -> None:
    assert variables(modules, files, **{name: "kept"})[name] == "kept"


def test_without_plugins_of_their_own_accord(
    modules: dict[str, Module], files: Files
) -> None:
    """Who switches them off has not meant the one that has ``-n``."""
    assert base.loading(variables(modules, files)) == []
    env = variables(modules, files, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    assert base.loading(env) == ["-p", "xdist"]


def test_the_environment_is_computed(modules: dict[str, Module], files: Files) -> None:
    assert variables(modules, files, PATH="/bin") == {
        **DATABASE,
        "PATH": "/bin",
        "PYTHONPATH": str(files.link),
    }


def test_sources_are_measured(modules: dict[str, Module], files: Files) -> None:
    env = variables(modules, files, "society", "party")
    assert json.loads(env["HARNESS_COVERAGE"]) == {
        "data": str(files.directory / "coverage" / "tryton-7.0"),
        "sources": [str(modules["society"].path)],
        "settings": "",
        "apart": False,
    }
    assert (files.directory / "coverage").is_dir()


def test_official_modules_are_not(modules: dict[str, Module], files: Files) -> None:
    assert "HARNESS_COVERAGE" not in variables(modules, files, "party", "bank")
    assert not (files.directory / "coverage").exists()


def test_coverage_may_be_left_out(modules: dict[str, Module], files: Files) -> None:
    env = base.variables(
        replace(step(modules, "society"), coverage=False),
        measured=[modules["society"].path],
        files=files,
        environ={},
        database={},
    )
    assert "HARNESS_COVERAGE" not in env


def test_ids_lead_to_modules(modules: dict[str, Module], tmp_path: Path) -> None:
    society = modules["society"]
    file = society.path / "tests" / "test_content.py"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    for id_ in (
        "tests/test_content.py::Case::test_a",
        f"{society.path.name}/tests/test_content.py::Case::test_a",
        f"{file}::Case::test_a",
    ):
        own = {"society": society}
        assert tryton.aimed([id_], own, [tmp_path]) == (
            (f"{file}::Case::test_a",),
            ["society"],
        )
    there = "party/tests/test_party.py::Case"  # where it is, its environment knows
    assert tryton.aimed([there], {}, [tmp_path]) == ((there,), ["party"])


def test_compiled_code_has_a_place_where_it_may_not_be_beside_the_sources(
    modules: dict[str, Module], files: Files
) -> None:
    env = variables(modules, files, PYTHONDONTWRITEBYTECODE="1")
    assert env["PYTHONDONTWRITEBYTECODE"] == ""
    assert env["PYTHONPYCACHEPREFIX"] == str(files.bytecode)
    env = variables(modules, files, PYTHONDONTWRITEBYTECODE="")
    assert "PYTHONPYCACHEPREFIX" not in env


def test_of_files_of_one_name_the_one_that_has_the_test_is_meant(
    modules: dict[str, Module],
) -> None:
    """As an id says that was printed when only its module was tested."""
    own = {name: modules[name] for name in ("society", "artist")}
    for name, module in own.items():
        file = module.path / "tests" / "test_module.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"from a import Base\nclass {name}(Base):\n    pass\n")
        file.with_name("test_empty.py").touch()
    for name, module in own.items():
        id_ = f"tests/test_module.py::{name}::test_view"
        found = tryton.aimed([id_], own, [])
        assert found == ((f"{module.path}/{id_}",), [name])
    [address], _ = tryton.aimed(["tests/test_empty.py::nobody"], own, [])
    assert address == f"{modules['society'].path}/tests/test_empty.py::nobody"


def test_an_id_of_an_official_module_says_which(tmp_path: Path) -> None:
    """Of a run beside others, its root directory is above all of them."""
    id_ = "state/envs/a/site-packages/trytond/modules/party/tests/test_party.py::Case"
    assert tryton.aimed([id_], {}, [tmp_path])[1] == ["party"]
