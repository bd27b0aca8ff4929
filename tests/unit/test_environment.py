# SPDX-License-Identifier: GPL-3.0-or-later
"""What an environment holds, which Python it has, what pip's words mean."""

import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from harness import environment, interpreters, proc
from harness.environment import EnvironmentRequest, Environments
from harness.errors import CommandFailed, ExitCode, MissingTool, UsageError
from harness.interpreters import Interpreter
from harness.locks import Lock
from harness.model import Module, Origin, Source
from harness.series import Series, find
from harness.store import Store

PYTHON = Interpreter(path=Path("/usr/bin/python3.11"), version=(3, 11))


def checkout(path: Path, *depends: str) -> tuple[Source, Module]:
    path.mkdir(parents=True, exist_ok=True)
    (path / "tryton.cfg").write_text("[tryton]\nversion=6.6.0\n")
    name = path.name
    return (
        Source(name=name, path=path, origin=Origin.SRC, revision="1a2b3c4d"),
        Module(name=name, path=path, version="6.6.0", depends=depends),
    )


@pytest.fixture
def wanted(tmp_path: Path) -> EnvironmentRequest:
    return EnvironmentRequest(
        series=find("6.6"),
        interpreter=PYTHON,
        sources=(
            checkout(tmp_path / "party_name", "ir", "party"),
            checkout(tmp_path / "society", "res", "party_name", "bank", "party"),
        ),
        official=("country",),
        extra=("requests",),
        constraints=("stdnum<2",),
    )


# -- requirements ------------------------------------------------------------


def test_requirements(wanted: EnvironmentRequest) -> None:
    assert wanted.requirements == (
        "trytond==6.6.*",
        "proteus==6.6.*",
        "psycopg2-binary>=2.9",
        "setuptools>=80.9,<82",
        *environment.TOOLS,
        "trytond_bank==6.6.*",
        "trytond_party==6.6.*",
        "requests",
    )


def test_official_modules_alone(wanted: EnvironmentRequest) -> None:
    alone = replace(wanted, sources=(), series=find("8.0"), extra=())
    assert alone.requirements == (
        "trytond==8.0.*",
        "proteus==8.0.*",
        "psycopg[binary,pool]>=3.2",
        *environment.TOOLS,
    )


# -- the key -----------------------------------------------------------------


def test_the_key_names_series_and_python(wanted: EnvironmentRequest) -> None:
    assert wanted.key.startswith("tryton-6.6-py3.11-")
    assert len(wanted.key.rpartition("-")[2]) == 10


@pytest.mark.parametrize(
    "change",
    [
        lambda one: replace(one, official=("country", "currency")),
        lambda one: replace(one),
        lambda one: replace(
            one,
            sources=tuple(
                (replace(source, revision="5e6f", dirty=True), module)
                for source, module in one.sources
            ),
        ),
        lambda one: (one.sources[0][0].path / "party.py").touch() or one,
    ],
    ids=["official", "same", "revision", "code"],
)
def test_nothing_is_installed_again(
    wanted: EnvironmentRequest,
    change: Callable[[EnvironmentRequest], EnvironmentRequest],
) -> None:
    before = wanted.key
    assert change(wanted).key == before


@pytest.mark.parametrize(
    "change",
    [
        lambda one: replace(one, series=find("6.8")),
        lambda one: replace(
            one, series=replace(one.series, constraints=("werkzeug<3",))
        ),
        lambda one: replace(
            one, interpreter=replace(PYTHON, path=Path("/opt/python3.11"))
        ),
        lambda one: replace(one, interpreter=replace(PYTHON, version=(3, 10))),
        lambda one: replace(one, extra=("requests", "lxml")),
        lambda one: replace(one, constraints=()),
        lambda one: replace(one, sources=one.sources[:1]),
        *(
            lambda one, name=name: (
                (one.sources[1][0].path / name).write_text("[new]\n") and one
            )
            for name in ("pyproject.toml", "setup.py", "setup.cfg", "tryton.cfg")
        ),
    ],
)
def test_another_environment(
    wanted: EnvironmentRequest,
    change: Callable[[EnvironmentRequest], EnvironmentRequest],
) -> None:
    before = wanted.key
    assert change(wanted).key != before


# -- the interpreter ---------------------------------------------------------


def series(first: int, last: int) -> Series:
    return Series(name="7.0", python=(first, last), driver="psycopg2-binary")


OWN = sys.version_info.minor


class Programs:
    """Programs on PATH by name; those in `broken` do not run."""

    def __init__(self, *names: str, broken: tuple[str, ...] = ()) -> None:
        self.names = names
        self.broken = broken
        self.tried: list[str] = []

    def which(self, name: str, path: str | None) -> str | None:
        assert path == "/pyenv/shims"
        return f"/pyenv/shims/{name}" if name in self.names else None

    def run(
        self, argv: Sequence[str], *, env: Mapping[str, str], check: bool
    ) -> proc.Completed:
        name = Path(argv[0]).name
        self.tried.append(name)
        if name == "python3.99":
            raise MissingTool("not there")
        return proc.Completed(code=int(name in self.broken), stdout="", stderr="")


def choose(
    monkeypatch: pytest.MonkeyPatch, one: Series, programs: Programs
) -> Interpreter:
    monkeypatch.setattr(interpreters.shutil, "which", programs.which)
    monkeypatch.setattr(proc, "run", programs.run)
    return interpreters.find(one, {"PATH": "/pyenv/shims"})


def test_the_own_python_is_taken_where_it_fits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    programs = Programs(f"python3.{OWN + 1}")
    chosen = choose(monkeypatch, series(OWN, OWN + 1), programs)
    assert chosen.version == (3, OWN)
    assert chosen.name == f"3.{OWN}"
    assert chosen.path.exists()
    assert not chosen.path.is_relative_to(sys.prefix) or sys.prefix == sys.base_prefix
    assert programs.tried == []


def test_without_a_base_python_the_running_one_serves(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "base_exec_prefix", str(tmp_path))
    chosen = choose(monkeypatch, series(OWN, OWN), Programs())
    assert chosen.path == Path(sys.executable)


def test_the_newest_that_runs_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("python3.52", "python3.54", "python3.55", "python3.56")
    programs = Programs(*names, broken=("python3.55",))
    chosen = choose(monkeypatch, series(51, 55), programs)
    assert chosen == Interpreter(path=Path("/pyenv/shims/python3.54"), version=(3, 54))
    assert programs.tried == ["python3.55", "python3.54"]


def test_no_python_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    programs = Programs("python3.99", "python3.98", broken=("python3.98",))
    with pytest.raises(MissingTool) as caught:
        choose(monkeypatch, series(98, 99), programs)
    assert caught.value.message == "series 7.0 needs a Python from 3.98 to 3.99"
    assert f"this Python 3.{OWN}" in caught.value.checked
    assert "install Python 3.99" in caught.value.remedy
    assert programs.tried == ["python3.99", "python3.98"]


# -- pip's words -------------------------------------------------------------


@pytest.mark.parametrize(
    ("requirement", "name"),
    [
        ("trytond_acount==6.6.*", "acount"),
        ("trytond-party-siret==6.6.*", "party-siret"),
        ("trytond_inbound_email[test]==6.6.*", "inbound_email"),
        ("trytond_bank>=6.6", "bank"),
    ],
)
def test_a_module_that_the_series_does_not_have(
    wanted: EnvironmentRequest, requirement: str, name: str
) -> None:
    error = CommandFailed(
        "python -m pip install ended with exit code 1:\n"
        f"ERROR: Could not find a version that satisfies {requirement}\n"
        f"ERROR: No matching distribution found for {requirement}"
    )
    told = environment._explain(error, wanted)
    assert isinstance(told, UsageError)
    assert told.message == f"series 6.6 has no module {name!r} on the package index"
    assert told.checked == f"pip install '{requirement}'"


@pytest.mark.parametrize(
    "text",
    [
        "ERROR: Cannot install requests: conflicting dependencies",
        "ERROR: Could not connect to the index",
        "",
    ],
)
def test_other_errors_stay_what_they_are(wanted: EnvironmentRequest, text: str) -> None:
    error = CommandFailed(text)
    assert environment._explain(error, wanted) is error


# -- finished environments ---------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state")


def ready(store: Store, wanted: EnvironmentRequest, *official: str) -> None:
    store.write(f"envs/{wanted.key}/harness.json", {"official": list(official)})


def test_a_finished_environment_is_locked_while_it_is_used(
    store: Store, wanted: EnvironmentRequest
) -> None:
    ready(store, wanted, "country", "party")
    found = Environments(store, {}).installed(wanted)
    assert found is not None
    assert found.python == store.path / "envs" / wanted.key / "bin" / "python"
    assert found.site.parts[-3:] == ("lib", "python3.11", "site-packages")
    other = Lock(found.lock.path)
    assert not other.acquire(wait=0)
    assert other.acquire(shared=True, wait=0)


@pytest.mark.parametrize("official", [None, [], ["party"]])
def test_an_environment_that_must_be_completed(
    store: Store, wanted: EnvironmentRequest, official: list[str] | None
) -> None:
    if official is not None:
        ready(store, wanted, *official)
    assert Environments(store, {}).installed(wanted) is None


class Pip:
    """Notes what is run; makes the environment's directory."""

    def __init__(self) -> None:
        self.ran: list[list[str]] = []
        self.environ: list[dict[str, str]] = []
        self.error: CommandFailed | None = None

    def __call__(
        self, argv: Sequence[str | Path], *, env: Mapping[str, str]
    ) -> proc.Completed:
        words = [str(word) for word in argv]
        self.ran.append(words)
        self.environ.append(dict(env))
        if words[1:3] == ["-m", "venv"]:
            Path(words[3]).mkdir(parents=True)
        elif "install" in words and self.error:
            raise self.error
        return proc.Completed(code=0, stdout="trytond==6.6.1\n", stderr="")


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> Pip:
    fake = Pip()
    monkeypatch.setattr(proc, "run", fake)
    monkeypatch.setattr(environment.PackageInstaller, "_uv", None)
    return fake


def test_an_environment_is_made_once(
    store: Store, wanted: EnvironmentRequest, pip: Pip
) -> None:
    steps: list[str] = []
    made = Environments(store, {"PATH": "/bin"}).ensure(wanted, step=steps.append)
    created, common, own, official, freeze = pip.ran
    base = store.path / "envs" / wanted.base
    assert created == [str(PYTHON.path), "-m", "venv", str(base)]
    assert common[0] == str(base / "bin" / "python")
    assert common[-len(wanted.common) :] == list(wanted.common)
    assert own[0] == str(made.path / "bin" / "python")
    editable = [own[i + 1] for i, word in enumerate(own) if word == "--editable"]
    mirrors = made.path / "mirrors"
    assert editable == [str(mirrors / source.name) for source, _ in wanted.sources]
    assert not mirrors.exists()
    assert "trytond_party==6.6.*" in own
    assert official[-1] == "trytond_country[test]==6.6.*"
    assert freeze[-2:] == ["freeze", "--all"]
    assert steps == [
        f"creating the environment {wanted.key}",
        "installing trytond 6.6",
        "installing what the sources need",
        "installing country",
    ]
    assert (made.path / "lock.txt").read_text() == "trytond==6.6.1\n"
    assert json.loads((made.path / "harness.json").read_text()) == {
        "official": ["country"], "series": "6.6",
    }  # fmt: skip
    pip.ran.clear()
    made.lock.release()
    assert Environments(store, {}).ensure(wanted, step=steps.append).path == made.path
    assert pip.ran == []


def test_pip_is_held_to_the_series(
    store: Store, wanted: EnvironmentRequest, pip: Pip
) -> None:
    made = Environments(store, {}).ensure(wanted, step=lambda text: None)
    constraints = made.path / "constraints.txt"
    assert constraints.read_text().splitlines() == [
        "trytond==6.6.*", "proteus==6.6.*", *find("6.6").constraints, "stdnum<2",
    ]  # fmt: skip
    assert pip.environ[2]["PIP_CONSTRAINT"] == str(constraints)


def test_what_is_common_is_installed_once(
    store: Store, wanted: EnvironmentRequest, pip: Pip, tmp_path: Path
) -> None:
    Environments(store, {}).ensure(wanted, step=lambda text: None)
    base = store.path / "envs" / wanted.base
    (base / "bin").mkdir()
    other = f"/another way/to/{wanted.base}"  # the same directory, by a link
    (base / "bin" / "pip").write_text(f"#!{other}/bin/python\n")
    (base / "bin" / "pip").chmod(0o755)
    (base / "bin" / "python").symlink_to("/usr/bin/python3")
    pip.ran.clear()
    other = replace(wanted, extra=("selenium",))
    made = Environments(store, {}).ensure(other, step=lambda text: None)
    assert made.path.name == other.key != wanted.key
    assert not [words for words in pip.ran if words[1:3] == ["-m", "venv"]]
    assert {words[0] for words in pip.ran} == {str(made.path / "bin" / "python")}
    program = made.path / "bin" / "pip"
    assert program.read_text() == f"#!{made.path}/bin/python\n"
    assert program.stat().st_mode & 0o111
    assert (made.path / "bin" / "python").is_symlink()
    assert not (made.path / "complete").exists()


def test_a_half_made_base_is_made_again(
    store: Store, wanted: EnvironmentRequest, pip: Pip
) -> None:
    (store.directory("envs") / wanted.base / "bin").mkdir(parents=True)
    Environments(store, {}).ensure(wanted, step=lambda text: None)
    assert pip.ran[0][1:3] == ["-m", "venv"]
    assert not (store.path / "envs" / wanted.base / "bin").exists()


def test_an_environment_whose_interpreter_has_gone_is_made_again(
    store: Store, wanted: EnvironmentRequest, pip: Pip
) -> None:
    made = Environments(store, {}).ensure(wanted, step=lambda text: None)
    made.lock.release()
    base = store.path / "envs" / wanted.base
    for path in (made.path, base):
        (path / "bin").mkdir(exist_ok=True)
        (path / "bin" / "python").symlink_to("/nowhere/python3.11")
    pip.ran.clear()
    assert Environments(store, {}).installed(wanted) is None
    Environments(store, {}).ensure(wanted, step=lambda text: None)
    assert pip.ran[0] == [str(PYTHON.path), "-m", "venv", str(base)]
    assert not (made.path / "bin" / "python").is_symlink()


def test_what_is_missing_is_added(
    store: Store, wanted: EnvironmentRequest, pip: Pip
) -> None:
    ready(store, wanted, "party")
    Environments(store, {}).ensure(wanted, step=lambda text: None)
    installs = [words for words in pip.ran if "install" in words]
    assert [words[-1] for words in installs] == ["trytond_country[test]==6.6.*"]
    have = store.read(f"envs/{wanted.key}/harness.json")
    assert have["official"] == ["country", "party"]


def test_a_failed_installation_leaves_nothing(
    store: Store, wanted: EnvironmentRequest, pip: Pip
) -> None:
    pip.error = CommandFailed("No matching distribution found for trytond_bank==6.6.*")
    with pytest.raises(UsageError) as caught:
        Environments(store, {}).ensure(wanted, step=lambda text: None)
    assert caught.value.code == ExitCode.USAGE
    assert not (store.path / "envs" / wanted.key).exists()
    assert Environments(store, {}).installed(wanted) is None


def test_a_failed_installation_gives_the_lock_back(
    store: Store, wanted: EnvironmentRequest, pip: Pip
) -> None:
    pip.error = CommandFailed("ERROR: Could not connect to the index")
    with pytest.raises(CommandFailed):
        Environments(store, {}).ensure(wanted, step=lambda text: None)
    assert not Lock(store.path / "envs" / f"{wanted.key}.lock").taken


def test_an_environment_that_is_removed_before_it_is_locked_is_made_again(
    store: Store, wanted: EnvironmentRequest, pip: Pip, monkeypatch: pytest.MonkeyPatch
) -> None:
    environments = Environments(store, {})
    environments.ensure(wanted, step=print).lock.release()
    acquire = Lock.acquire
    path = store.path / "envs" / wanted.key

    def late(lock: Lock, *, shared: bool = False, wait: float | None = None) -> bool:
        if shared and not removed:
            removed.append(path)
            shutil.rmtree(path)
        return acquire(lock, shared=shared, wait=wait)

    removed: list[Path] = []
    monkeypatch.setattr(Lock, "acquire", late)
    made = environments.ensure(wanted, step=print)
    assert removed
    assert (made.path / environment.READY).exists()


# -- modules of others ---------------------------------------------------------


def test_another_vendors_module_that_no_index_has(wanted: EnvironmentRequest) -> None:
    source, _ = wanted.sources[0]
    shop = Module(
        name="shop", path=source.path, version="6.6.1", depends=("party", "bank_extra")
    )
    needing = replace(wanted, sources=((source, shop),))
    error = CommandFailed(
        "pip ended with exit code 1:\n"
        "ERROR: No matching distribution found for acme-bank-extra<6.7,>=6.6"
    )
    told = str(environment._explain(error, needing))
    assert "the module shop needs bank_extra, which is nowhere" in told
    assert "the package index for acme-bank-extra" in told


def test_what_is_optional_is_installed_where_the_index_has_it(
    wanted: EnvironmentRequest,
) -> None:
    source, _ = wanted.sources[0]
    shop = Module(
        name="shop",
        path=source.path,
        version="",
        extras=("sale", "x"),
        tests=("stock",),
    )
    lines = replace(wanted, sources=((source, shop),)).requirements
    assert {"trytond_sale==6.6.*", "trytond_stock==6.6.*"} <= set(lines)
    assert "trytond_x==6.6.*" not in lines
