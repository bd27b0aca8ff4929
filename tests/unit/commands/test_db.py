# SPDX-License-Identifier: GPL-3.0-or-later
"""What is decided before a server is asked: leave, content, place, refs."""

import io
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness import config
from harness.commands import db, db_make, db_place, db_update, sources
from harness.commands.db import allow, named, of_tests, require_leave
from harness.commands.db_make import Content
from harness.commands.db_place import DatabaseRequest
from harness.commands.db_saving import Leave
from harness.context import Context
from harness.databases import replace as replacing
from harness.databases.client import PostgresPrograms
from harness.errors import MissingTool, UsageError
from harness.output import Console
from harness.postgres.base import Address
from harness.template.layer import Document, Request

TEXT = """
[tool.harness.stack]
modules = ["party"]
[tool.harness.template.master]
modules = ["party"]
data = ["master.txt"]
[tool.harness.template.demo]
parent = "master"
data = ["demo.txt"]
[tool.harness.source.one]
repository = "https://example.org/one"
refs = {staging = "next", production = "main"}
"""


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return made(tmp_path)


def made(root: Path, **environ: str) -> Context:
    (root / "pyproject.toml").write_text(TEXT)
    for name in ("master.txt", "demo.txt"):
        (root / name).touch()
    console = Console(io.StringIO(), {})
    return Context(
        config=config.load(root, environ, {}),
        environ={"HARNESS_STATE": str(root / "state")},
        console=console,
        line="harness db",
    )


def client(*, production: bool = False, dry: bool = False) -> PostgresPrograms:
    return PostgresPrograms(
        kind="given", title="there", start=lambda program, terminal: [program], env={},
        environment="production" if production else "", dry=dry,
    )  # fmt: skip


# -- leave ---------------------------------------------------------------------


def test_an_answer_is_leave() -> None:
    asked: list[str] = []

    def ask(text: str) -> str:
        asked.append(text)
        return " Yes "

    require_leave(client(), Leave(ask=ask), "delete x")
    assert asked == ["delete x? [y/N] "]


@pytest.mark.parametrize("answer", ["", "n", "x", "yep"])
def test_other_answers_are_none(answer: str) -> None:
    with pytest.raises(UsageError, match="nothing was changed"):
        require_leave(client(), Leave(ask=lambda text: answer), "delete x")


def test_nobody_to_be_asked() -> None:
    with pytest.raises(UsageError, match="delete x") as caught:
        require_leave(client(), Leave(), "delete x")
    assert "--yes" in caught.value.remedy
    require_leave(client(), Leave(yes=True), "delete x")
    require_leave(client(dry=True), Leave(), "delete x")


def test_production_wants_force_and_an_answer() -> None:
    there = client(production=True)
    with pytest.raises(UsageError, match="production"):
        require_leave(there, Leave(yes=True), "delete x")
    with pytest.raises(UsageError, match="nobody is there"):
        require_leave(there, Leave(force=True), "delete x")
    require_leave(there, Leave(yes=True, force=True), "delete x")


def test_all_that_destroys_asks_the_same() -> None:
    """``down --volumes`` has no server to ask, and is refused as ``delete`` is."""
    where = {"title": "there", "production": True}
    with pytest.raises(UsageError, match="this is production"):
        allow(Leave(yes=True), "remove all data", **where)
    with pytest.raises(UsageError, match="nobody is there"):
        allow(Leave(force=True), "remove all data", **where)
    allow(Leave(yes=True, force=True), "remove all data", **where)
    with pytest.raises(UsageError, match="nobody is there"):
        allow(Leave(), "remove all data", title="there", production=False)


# -- content -------------------------------------------------------------------


def test_nothing_said_is_the_stacks_modules(context: Context) -> None:
    found = db_make.request(context, Content())
    assert (found.modules, found.data) == (("party",), ())


def documents(request: Request) -> list[Document]:
    return [one for one in request.data if isinstance(one, Document)]


def test_a_template_has_its_parents_data(context: Context) -> None:
    found = db_make.request(context, Content(template="demo", reclimit=7))
    assert [one.path.name for one in documents(found)] == ["master.txt", "demo.txt"]
    assert found.reclimit == 7


def test_data_that_are_none_for_these_sources_are_known_before(tmp_path: Path) -> None:
    """``demo-setup``, where a profile has other sources, and data of its own."""
    root = tmp_path / "other"
    root.mkdir()
    context = made(root, HARNESS_TEMPLATE_DEMO_DATA="", HARNESS_TEMPLATE_DEMO_PARENT="")
    with pytest.raises(UsageError, match="template demo has no data") as caught:
        db_make.request(context, Content(template="demo", filled=True))
    assert "--template master" in caught.value.remedy
    more = replace(context.config.template["master"])
    every = {"master": more, "later": more, **context.config.template}
    for own in ("master", "later"):  # the stack's own, where it has data
        config = replace(
            context.config,
            template=every,
            stack=replace(context.config.stack, template=own),
        )
        with pytest.raises(UsageError) as caught:
            db_make.request(
                replace(context, config=config), Content(template="demo", filled=True)
            )
        assert f"--template {own}" in caught.value.remedy
    assert db_make.request(context, Content(template="master", filled=True)).data


def test_data_sets_are_chosen_in_the_templates_order(context: Context) -> None:
    content = Content(template="demo", datasets=("demo", "master"))
    found = db_make.request(context, content)
    assert [one.path.name for one in documents(found)] == [
        "master.txt", "demo.txt",
    ]  # fmt: skip
    content = Content(template="demo", datasets=("master",))
    found = db_make.request(context, content)
    assert [one.path.name for one in documents(found)] == ["master.txt"]


@pytest.mark.parametrize(
    ("content", "named_"),
    [
        (Content(template="none"), "none"),
        (Content(template="demo", datasets=("other",)), "other"),
    ],
)
def test_unknown_names(context: Context, content: Content, named_: str) -> None:
    with pytest.raises(UsageError, match=named_):
        db_make.request(context, content)


# -- place ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("server", "on", "expected"),
    [
        ("local", "", "local"),
        ("docker", "", "docker"),
        ("postgresql://me@there/", "", "given"),
        ("local", "stack", "stack"),
        ("postgresql://me@there/", "local", "local"),
        ("postgresql://me@there/", "given", "given"),
    ],
)
def test_the_place(tmp_path: Path, server: str, on: str, expected: str) -> None:
    context = made(tmp_path, HARNESS_DATABASE_SERVER=server)
    assert db_place.choose(context, on, "")[0] == expected


def test_given_wants_an_address(tmp_path: Path) -> None:
    context = made(tmp_path, HARNESS_DATABASE_SERVER="local")
    with pytest.raises(UsageError, match="no address"):
        db_place.choose(context, "given", "")


def test_leases_are_where_tests_run(tmp_path: Path) -> None:
    url = "postgresql://me@there/"
    context = made(tmp_path, HARNESS_DATABASE_SERVER=url)
    assert of_tests(context, DatabaseRequest(), "harness_c_1_2").on == "given"
    assert of_tests(context, DatabaseRequest(on="stack"), "harness_c_1_2").on == "stack"
    assert of_tests(context, DatabaseRequest(), "society").on == ""
    assert named(context, "") == "collecting_society"


class Stopping:
    """A place of production whose services must not be stopped."""

    client = client(production=True)

    def quiet(self, name: str) -> None:
        raise AssertionError("services are stopped")


@pytest.mark.parametrize("action", ["rebuild", "delete", "update"])
def test_what_cannot_be_encrypted_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    found = made(tmp_path, HARNESS_ENCRYPT_TO="production=age1x")
    context = replace(found, environ={"PATH": ""})
    opened = nullcontext(Stopping())
    monkeypatch.setattr(db_place, "opened", lambda *words, **more: opened)
    monkeypatch.setattr(replacing, "exists", lambda *words: True)
    monkeypatch.setattr(replacing, "claim", lambda *words, **more: nullcontext())
    monkeypatch.setattr(db, "require_there", lambda *words: None)
    monkeypatch.setattr(db_update, "_modules", lambda *words: (["party"], ["party"]))
    wish, leave = DatabaseRequest(), Leave(yes=True, force=True)
    calls = {
        "rebuild": lambda: db_make.rebuild(
            context, wish=wish, name="x", content=Content(empty=True), leave=leave
        ),
        "delete": lambda: db_make.delete(context, wish=wish, names=["x"], leave=leave),
        "update": lambda: db_update.update(
            context, wish=wish, name="x", modules=(), leave=leave
        ),
    }
    with pytest.raises(MissingTool, match="need age"):
        calls[action]()
    leave = replace(leave, save=False)  # no backup, no question
    with pytest.raises(AssertionError, match="are stopped"):
        calls[action]()


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> None:
    """All servers are there, and have nothing."""

    def beside(*_: object, environment: str, dry: bool) -> PostgresPrograms:
        return replace(client(dry=dry), environment=environment)

    server = SimpleNamespace(stop=lambda: None)
    monkeypatch.setattr(db_place.servers, "server", lambda *_: server)
    house = (Address(host="h"), None)
    monkeypatch.setattr(db_place.housing, "entered", lambda *_, alone: house)
    monkeypatch.setattr(db_place, "beside", beside)
    monkeypatch.setattr(db_place, "data_of", lambda *_: None)


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize(
    ("on", "said"), [("", "there (not the stack: off)"), ("local", "there")]
)
def test_a_place_that_nobody_asked_for_says_why(
    context: Context, monkeypatch: pytest.MonkeyPatch, on: str, said: str
) -> None:
    monkeypatch.setattr(db_place, "_why_no_stack", lambda _: "off")
    with db_place.opened(context, DatabaseRequest(on=on)) as place:
        assert place.client.title == said


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize(
    ("on", "asked", "environment"),
    [
        ("local", "", ""),
        ("local", "production", "production"),  # encrypted for it, and guarded
        ("given", "", "development"),
        ("given", "production", "production"),
    ],
)
def test_a_database_is_of_the_environment_that_is_named(
    context: Context, on: str, asked: str, environment: str
) -> None:
    database = replace(context.config.database, server="postgresql://h/")
    context = replace(context, config=replace(context.config, database=database))
    with db_place.opened(context, DatabaseRequest(on=on, environment=asked)) as place:
        assert place.client.environment == environment


# -- refs ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "expected"),
    [("development", "next"), ("staging", "next"), ("production", "main")],
)
def test_a_stage_without_a_ref_takes_the_next_ones(
    context: Context, stage: str, expected: str
) -> None:
    assert sources.ref(context, "one", stage) == expected
