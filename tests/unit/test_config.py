# SPDX-License-Identifier: GPL-3.0-or-later
"""The cascade of settings, and what its errors say."""

import json
from collections.abc import Mapping
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from harness import config
from harness.config import Config, SuiteTable, find_root, nothing
from harness.errors import ConfigError, ExitCode
from harness.model import Isolation

Overrides = Mapping[str, tuple[object, str]]


def load(
    root: Path,
    text: str = "",
    environ: Mapping[str, str] | None = None,
    overrides: Overrides | None = None,
) -> Config:
    (root / "pyproject.toml").write_text(text, encoding="utf-8")
    return config.load(root, environ or {}, overrides or {})


def problems(
    root: Path,
    text: str = "",
    environ: Mapping[str, str] | None = None,
    overrides: Overrides | None = None,
) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(root, text, environ, overrides)
    return [line.strip() for line in caught.value.message.splitlines()[1:]]


def problem(
    root: Path,
    text: str = "",
    environ: Mapping[str, str] | None = None,
    overrides: Overrides | None = None,
) -> str:
    (only,) = problems(root, text, environ, overrides)
    return only


# -- defaults and the cascade ----------------------------------------------


def test_defaults(tmp_path: Path) -> None:
    made = load(tmp_path)
    assert made == Config(root=tmp_path)
    assert {key: value for key, value, _ in made.values()} == {
        "profile": "",
        "series": "7.0",
        "jobs": 0,
        "workers": (),
        "reports": "reports",
        "keep": False,
        "requirements": (),
        "reruns": 0,
        "state": "",
        "examples": "examples",
        "src": "src",
        "timeout": 600,
        "quiet": 60,
        "keep_reports": 20,
        "editor": "vscode://file{path}:{line}",
        "durations": "durations.txt",
        "backups": "backups",
        "encrypt_to": {},
        "exact": False,
        "git.mirror": "",
        "git.protocol": "given",
        "git.folders": (),
        "git.links": (),
        "database.server": "auto",
        "database.storage": "auto",
        "database.encoding": "UTF8",
        "database.locale": "C.UTF-8",
        "database.start_timeout": 60,
        "database.image": "",
        "templates.count": 60,
        "templates.size": 6 * 1024**3,
        "templates.reads": (),
        "templates.age": 30 * 24 * 3600,
        "templates.deadline": 900,
        "templates.cuts": ("company", "account_invoice"),
        "templates.language": "en",
        "browser.server": "auto",
        "browser.name": "auto",
        "browser.headed": False,
        "browser.evidence": "failures",
        "browser.image": "",
        "browser.host": "",
        "browser.arguments": (),
        "browser.capabilities": (),
        "browser.start_timeout": 30,
        "browser.page_timeout": 30,
        "images.prefix": "collecting-society",
        "images.variant": "development",
        "images.base": "debian:bookworm-slim",
        "images.packages": (),
        "images.build_packages": (),
        "images.browsers": (),
        "images.suite": "bookworm",
        "pool.ahead": 2,
        "pool.cap": 32,
        "stack.environment": "development",
        "stack.project": "",
        "stack.database": "collecting_society",
        "stack.modules": ("collecting_society",),
        "stack.template": "",
        "stack.timeout": 120,
        "stack.nginx_port": 81,
        "stack.https_port": 443,
        "stack.address": "127.0.0.1",
        "stack.erpserver_port": 8000,
        "stack.db_port": 0,
        "stack.processing_groups": ("collecting_society.group_processing",),
        "gate.base": "main",
        "gate.label": "full gate",
        "gate.program": "harness",
        "gate.jobs": 0,
        "gate.coverage": 0,
        "gate.changed": 0,
        "gate.flaky": 0,
        "gate.without": (),
        "ci.runner": "ubuntu-24.04",
        "ci.image": "python:{python}-bookworm",
        "ci.branches": ("main",),
        "ci.python": "3.13",
        "ci.registry": "",
        "ci.timeout": 45 * 60,
        "ci.days": 14,
        "ci.schedule": "17 3 * * 1",
        "ci.scheduled": (),
        "ci.reusable": "",
        "ci.traces": False,
    }
    assert {source for _, _, source in made.values()} == {"default"}


def test_defaults_are_allowed_values(tmp_path: Path) -> None:
    text = "[tool.harness.source.x]\n[tool.harness.suite.x]\n[tool.harness.template.x]"
    made = load(tmp_path, text)
    given = {key: (value, "--x") for key, value, _ in made.values()}
    again = load(tmp_path, text, {}, given)
    assert [item[:2] for item in again.values()] == [i[:2] for i in made.values()]
    assert {source for _, _, source in again.values()} == {"--x"}


def test_later_sources_win_and_are_named(tmp_path: Path) -> None:
    text = """
        [tool.harness]
        jobs = 1
        series = "6.6"
        [tool.harness.database]
        server = "local"
        storage = "disk"
    """
    environ = {"HARNESS_DATABASE_SERVER": "sqlite", "HARNESS_JOBS": "2"}
    made = load(tmp_path, text, environ, {"jobs": (3, "--jobs")})
    assert (made.series, made.source_of("series")) == ("6.6", "pyproject.toml")
    assert (made.jobs, made.source_of("jobs")) == (3, "--jobs")
    assert made.database.server == "sqlite"
    assert made.source_of("database.server") == "HARNESS_DATABASE_SERVER"
    assert made.source_of("database.storage") == "pyproject.toml"
    assert made.source_of("pool.cap") == "default"
    assert ("jobs", 3, "--jobs") in list(made.values())


def test_source_of_an_unknown_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r'"pool\.cup"; did you mean "pool\.cap"'):
        load(tmp_path).source_of("pool.cup")


def test_named_tables(tmp_path: Path) -> None:
    (tmp_path / "demo.txt").touch()
    text = """
        [tool.harness.source.portal_web]
        kind = "python"
        repository = "https://git.example/portal_web"
        requirements = ["pyramid"]
        [tool.harness.template.base]
        modules = ["party"]
        [tool.harness.template.demo]
        parent = "base"
        data = ["demo.txt"]
        reclimit = 100
        language = "pt_BR"
        [tool.harness.suite.unit-1]
        isolation = "test"
        template = "demo"
        options = ["-x", "--tb=short"]
        coverage = false
        runner = "image"
    """
    made = load(tmp_path, text)
    assert made.source["portal_web"].requirements == ("pyramid",)
    assert list(made.template) == ["base", "demo"]
    assert made.template["demo"].parent == "base"
    assert made.template["demo"].data == ("demo.txt",)
    suite = made.suite["unit-1"]
    assert suite == SuiteTable(
        isolation=Isolation.TEST,
        template="demo",
        options=("-x", "--tb=short"),
        coverage=False,
        runner="image",
    )
    assert isinstance(suite.isolation, Isolation)
    assert made.source_of("suite.unit-1.runner") == "pyproject.toml"
    assert made.source_of("suite.unit-1.kind") == "default"
    assert ("template.demo.reclimit", 100, "pyproject.toml") in list(made.values())


def test_a_named_table_from_environment_and_option(tmp_path: Path) -> None:
    text = "[tool.harness.suite.unit-1]"
    environ = {
        "HARNESS_SUITE_UNIT_1_ISOLATION": "worker",
        "HARNESS_SUITE_UNIT_1_MODULES": "party, company,",
        "HARNESS_SUITE_UNIT_1_COVERAGE": "off",
    }
    overrides = {"suite.unit-1.options": (["-x", "-q"], "--")}
    made = load(tmp_path, text, environ, overrides)
    suite = made.suite["unit-1"]
    assert suite.isolation is Isolation.WORKER
    assert suite.modules == ("party", "company")
    assert suite.coverage is False
    assert suite.options == ("-x", "-q")
    assert made.source_of("suite.unit-1.options") == "--"


def test_a_config_is_frozen(tmp_path: Path) -> None:
    made = load(tmp_path, "[tool.harness.suite.unit]")
    with pytest.raises(FrozenInstanceError):
        made.jobs = 3  # type: ignore[misc]
    with pytest.raises(TypeError):
        made.suite["other"] = SuiteTable()  # type: ignore[index]


# -- kinds of values -------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('"500MB"', 500_000_000),
        ('"6GiB"', 6 * 2**30),
        ('"1.5 kib"', 1536),
        ('"2TiB"', 2**41),
        ('"12"', 12),
        ("4096", 4096),
        ("0", 0),
    ],
)
def test_sizes(tmp_path: Path, value: str, expected: int) -> None:
    made = load(tmp_path, f"tool.harness.templates.size = {value}")
    assert made.templates.size == expected


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("90s", 90), ("15m", 900), ("12h", 43200), ("30d", 2592000), ("45", 45)],
)
def test_durations(tmp_path: Path, value: str, seconds: int) -> None:
    assert load(tmp_path, "", {"HARNESS_TEMPLATES_AGE": value}).templates.age == seconds


@pytest.mark.parametrize("word", ["1", "true", "YES", "on"])
def test_flags_that_are_set(tmp_path: Path, word: str) -> None:
    assert load(tmp_path, "tool.harness.keep = false", {"HARNESS_KEEP": word}).keep


@pytest.mark.parametrize("word", ["0", "False", "no", "off"])
def test_flags_that_are_not_set(tmp_path: Path, word: str) -> None:
    text = "tool.harness.keep = true"
    assert not load(tmp_path, text, {"HARNESS_KEEP": word}).keep


@pytest.mark.parametrize(
    "server", ["auto", "local", "docker", "sqlite", "postgresql://db.example/"]
)
def test_servers(tmp_path: Path, server: str) -> None:
    made = load(tmp_path, "", {}, {"database.server": (server, "--database")})
    assert made.database.server == server
    assert made.source_of("database.server") == "--database"


@pytest.mark.parametrize(
    ("file", "environ", "expected"),
    [
        ("", {}, (False, "default")),
        ("", {"CI": "true"}, (True, "CI")),
        ("", {"CI": "1"}, (False, "default")),
        ("[tool.harness]\nexact = false", {"CI": "true"}, (False, "pyproject.toml")),
        ("", {"CI": "true", "HARNESS_EXACT": "false"}, (False, "HARNESS_EXACT")),
    ],
)
def test_ci_takes_whole_files(
    tmp_path: Path, file: str, environ: dict[str, str], expected: tuple[bool, str]
) -> None:
    made = load(tmp_path, file, environ)
    assert (made.exact, made.source_of("exact")) == expected


def test_lists_from_the_environment(tmp_path: Path) -> None:
    made = load(tmp_path, "", {"HARNESS_TEMPLATES_CUTS": "party , sale"})
    assert made.templates.cuts == ("party", "sale")
    assert load(tmp_path, "", {"HARNESS_TEMPLATES_CUTS": ""}).templates.cuts == ()


def test_text_of_an_option_is_read_by_its_kind(tmp_path: Path) -> None:
    assert load(tmp_path, "", {}, {"jobs": ("4", "--jobs")}).jobs == 4


# -- bad values ------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("jobs = -1", "tool.harness.jobs = -1: allowed: a whole number, 0 to 1000"),
        ("jobs = 1001", "jobs = 1001: allowed: a whole number, 0 to 1000"),
        ("jobs = true", "tool.harness.jobs = true: allowed: a whole number"),
        ('jobs = "4"', 'tool.harness.jobs = "4": allowed: a whole number'),
        ("jobs = 1.5", "tool.harness.jobs = 1.5: allowed: a whole number"),
        ("series = 7.0", "tool.harness.series = 7.0: allowed: a release series in qu"),
        ('series = "7"', 'tool.harness.series = "7": allowed: a release series'),
        ("keep = 1", "tool.harness.keep = 1: allowed: true or false"),
        ('reports = ""', 'reports = "": allowed: a directory, relative to the root'),
        ('reports = "."', 'reports = ".": allowed: a directory'),
        ('reports = "a/../.."', "allowed: a directory"),
        ('src = "/"', 'src = "/": allowed: a directory'),
        ("state = 2024-01-01", 'state = "2024-01-01": allowed: a directory, or noth'),
        ("database.start_timeout = 0", "database.start_timeout = 0: allowed: seconds"),
        ('database.locale = "C; DROP"', 'allowed: a locale such as "C.UTF-8"'),
        ('database.encoding = ""', 'allowed: an encoding of PostgreSQL such as "UTF8"'),
        ('templates.size = "6 apples"', '"6 apples": allowed: bytes, or a size such'),
        ("templates.size = -5", "templates.size = -5: allowed: bytes"),
        ('templates.size = "-5GB"', 'size = "-5GB": allowed: bytes'),
        ("templates.size = 1.5", "size = 1.5: allowed: bytes"),
        ("templates.age = false", "age = false: allowed: seconds, or a duration"),
        ('templates.age = "1h30m"', '"1h30m": allowed: seconds, or a duration such'),
        (f'templates.age = "{"9" * 400}d"', "allowed: seconds, or a duration"),
        ('templates.cuts = "company"', '"company": allowed: a list of names of modul'),
        ("templates.cuts = [1]", "cuts = [1]: allowed: a list of names of modules"),
        ('templates.cuts = ["a", ""]', 'cuts = ["a", ""]: allowed: a list of names'),
        ('templates.language = "english"', 'allowed: a language such as "en"'),
        ("pool.cap = 0", "tool.harness.pool.cap = 0: allowed: a whole number, 1 or m"),
        ('suite.a.kind = "nose"', 'tool.harness.suite.a.kind = "nose": allowed: one'),
        ("template.a.reclimit = -1", "template.a.reclimit = -1: allowed: a whole nu"),
    ],
)
def test_a_bad_value(tmp_path: Path, line: str, expected: str) -> None:
    told = problem(tmp_path, f"[tool.harness]\n{line}\n")
    assert told.startswith("pyproject.toml: tool.harness.")
    assert expected in told


def test_a_bad_choice_names_all_and_guesses(tmp_path: Path) -> None:
    told = problem(tmp_path, 'tool.harness.suite.a.isolation = "modul"')
    assert told == (
        'pyproject.toml: tool.harness.suite.a.isolation = "modul": allowed: one of '
        '"test", "class", "module", "worker"; did you mean "module"?'
    )


def test_a_bad_server(tmp_path: Path) -> None:
    told = problem(tmp_path, 'tool.harness.database.server = "sqlit"')
    assert '"auto", "docker", "local", "sqlite"' in told
    assert 'or an address "postgresql://…"' in told
    assert 'did you mean "sqlite"?' in told
    assert "allowed" in problem(
        tmp_path, 'tool.harness.database.server="postgresql://"'
    )


@pytest.mark.parametrize(
    "address",
    ["mysql://me:s3cr3t@db/x", "pg://db?password=s3cr3t&x=1", "x://:s3cr3t@y"],
)
def test_no_password_in_an_error(tmp_path: Path, address: str) -> None:
    told = problem(tmp_path, "", {"HARNESS_DATABASE_SERVER": address})
    assert "s3cr3t" not in told
    assert "***" in told


def test_shown_values() -> None:
    assert config.shown([True]) == "[true]"
    assert config.shown(("a", "ö")) == '["a", "ö"]'
    assert config.shown(Isolation.TEST) == '"test"'
    address = config.shown("postgresql://me:s3@cr3t@db:5432/x")
    assert address == '"postgresql://me:***@db:5432/x"'
    assert config.shown("postgresql://me@db/x") == '"postgresql://me@db/x"'


def test_a_bad_variable_and_a_bad_option(tmp_path: Path) -> None:
    told = problem(tmp_path, "", {"HARNESS_JOBS": "many"})
    assert told.startswith(
        'environment: HARNESS_JOBS (jobs) = "many": allowed: a whole'
    )
    told = problem(tmp_path, "", {"HARNESS_JOBS": ""})
    assert 'HARNESS_JOBS (jobs) = "": allowed' in told
    told = problem(tmp_path, "", {"HARNESS_KEEP": "perhaps"})
    assert '"perhaps": allowed: true or false' in told
    told = problem(tmp_path, "", {}, {"pool.cap": (-1, "--cap")})
    assert told.startswith("command line: --cap (pool.cap) = -1: allowed: a whole num")


def test_a_bad_value_is_an_error_even_if_overridden(tmp_path: Path) -> None:
    text = "tool.harness.jobs = -1"
    assert "jobs = -1" in problem(tmp_path, text, {"HARNESS_JOBS": "2"})


# -- unknown keys ----------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("job = 1", 'tool.harness.job = 1: unknown key; did you mean "jobs"?'),
        (
            "[tool.harness.databse]\nserver='auto'",
            'databse: unknown key; did you mean "database"?',
        ),
        ("database.servr = 'auto'", 'unknown key; did you mean "server"?'),
        ("storage = 'memory'", 'unknown key; did you mean "database.storage"?'),
        ("suite.a.isolaton = 'test'", 'unknown key; did you mean "isolation"?'),
        ("root = '/'", "tool.harness.root"),
        ("origins = {}", "tool.harness.origins: unknown key"),
    ],
)
def test_an_unknown_key(tmp_path: Path, line: str, expected: str) -> None:
    told = problem(tmp_path, f"[tool.harness]\n{line}\n")
    assert told.startswith("pyproject.toml: tool.harness.")
    assert expected in told


def test_an_unknown_key_like_nothing(tmp_path: Path) -> None:
    told = problem(tmp_path, "tool.harness.zzz = 1")
    assert told == "pyproject.toml: tool.harness.zzz = 1: unknown key"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tool.harness = 3", "tool.harness = 3: allowed: a table, [tool.harness]"),
        ("tool.harness.pool = 3", "pool = 3: allowed: a table, [tool.harness.pool]"),
        ("tool.harness.suite = []", "allowed: a table, [tool.harness.suite.NAME]"),
        ("tool.harness.suite.a = 1", "allowed: a table, [tool.harness.suite.a]"),
    ],
)
def test_what_should_be_a_table(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in problem(tmp_path, text)


def test_an_unknown_variable(tmp_path: Path) -> None:
    told = problem(tmp_path, "", {"HARNESS_DATABASE_SERVR": "x"})
    assert told == (
        "environment: HARNESS_DATABASE_SERVR: unknown variable; "
        'did you mean "HARNESS_DATABASE_SERVER"?'
    )


def test_other_variables_are_left_alone(tmp_path: Path) -> None:
    environ = {"PATH": "x", "HARNESSED": "x"}
    assert load(tmp_path, "", environ) == load(tmp_path)


def test_an_unknown_override(tmp_path: Path) -> None:
    told = problem(tmp_path, "", {}, {"database.servr": ("x", "--set")})
    assert told.startswith('command line: --set: there is no key "database.servr"')
    assert 'did you mean "database.server"?' in told


# -- names -----------------------------------------------------------------


def test_two_suites_of_one_name(tmp_path: Path) -> None:
    told = problem(
        tmp_path, "[tool.harness.suite.unit-web]\n[tool.harness.suite.Unit_Web]"
    )
    assert '[tool.harness.suite."Unit_Web"]' in told
    assert 'the suite "unit-web" has the same name' in told


def test_the_same_suite_twice_is_refused_by_toml(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="line 2, column"):
        load(tmp_path, "[tool.harness.suite.a]\n[tool.harness.suite.a]\n")


def test_one_name_in_two_sorts_of_tables(tmp_path: Path) -> None:
    made = load(tmp_path, "[tool.harness.suite.a]\n[tool.harness.template.a]")
    assert (list(made.suite), list(made.template)) == (["a"], ["a"])


@pytest.mark.parametrize("name", ["a.b", "a b", "", "-a", "../a", "ä"])
def test_a_bad_name(tmp_path: Path, name: str) -> None:
    told = problem(tmp_path, f'[tool.harness.suite."{name}"]')
    assert f'suite."{name}"]: bad name, allowed: letters, digits' in told


# -- what does not fit together --------------------------------------------


def test_an_unknown_parent(tmp_path: Path) -> None:
    text = """
        [tool.harness.template.accounting]
        [tool.harness.template.demo]
        parent = "acounting"
    """
    told = problem(tmp_path, text)
    assert 'tool.harness.template.demo.parent = "acounting"' in told
    assert 'allowed: "accounting", "demo"; did you mean "accounting"?' in told


def test_an_unknown_template_of_a_suite(tmp_path: Path) -> None:
    text = "[tool.harness.suite.unit]"
    environ = {"HARNESS_SUITE_UNIT_TEMPLATE": "demo"}
    told = problem(tmp_path, text, environ)
    assert 'HARNESS_SUITE_UNIT_TEMPLATE (suite.unit.template) = "demo"' in told
    assert "no such template, allowed: none is configured" in told


def test_a_command_that_would_never_be_run_again(tmp_path: Path) -> None:
    told = problem(tmp_path, "[tool.harness.template.a]\ncommand = ['make']")
    assert 'template.a.command = ["make"]: what it depends on must stand in' in told


def test_a_command_whose_files_are_missing(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    text = """
        [tool.harness.template.a]
        command = ["make"]
        directory = "dato"
        reads = ["data"]
    """
    told = problem(tmp_path, text)
    assert "it needs dato, which is not in" in told
    assert 'did you mean "data"?' in told


def test_a_file_of_variables_that_is_missing(tmp_path: Path) -> None:
    (tmp_path / ".env").touch()
    text = "[tool.harness.suite.a]\nenvironment_files = ['.env', '.env2']"
    told = problem(tmp_path, text)
    assert 'suite.a.environment_files = ".env2": there is no such file' in told
    assert 'did you mean ".env"?' in told


def test_a_template_of_the_stack_that_it_cannot_make(tmp_path: Path) -> None:
    assert "no such template" in problem(
        tmp_path, "[tool.harness.stack]\ntemplate = 'demo'"
    )
    (tmp_path / "x.rst").touch()
    text = """
        [tool.harness.stack]
        template = "demo"
        [tool.harness.template.test]
        data = ["x.rst"]
        [tool.harness.template.demo]
        parent = "test"
    """
    assert "test has documents" in problem(tmp_path, text)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("service.mail]\nport = 1", "a service of your own needs one"),
        ("service.worker]\nimage = 'x'", "worker is another name of processing"),
        ("service.api]\nvhost = 'a.b'", "Say it in port"),
        ("service.api]\nenvironments = ['stagin']", 'did you mean "staging"?'),
        ("service.api]\nafter = ['portla']", 'did you mean "portal"?'),
        ("service.api]\nenvironment = ['X']", "it has no ="),
        ("service.api]\nenvironment_files = ['x.env']", "there is no such file"),
        ("service.api]\nvolumes = ['src/x:/x']", "there is no src/x in"),
        ("service.api]\nvolumes = ['x:y']", "allowed: OUTSIDE:/INSIDE"),
    ],
)
def test_services_that_do_not_fit(tmp_path: Path, line: str, why: str) -> None:
    assert why in problem(tmp_path, f"[tool.harness.{line}")


def test_a_path_in_a_source_that_is_not_installed(tmp_path: Path) -> None:
    text = """
        [tool.harness.source.portal]
        [tool.harness.source.plugin]
        [tool.harness.suite.a]
        sources = ["plugin"]
        paths = ["tests", "plugin:tests", "plugins:tests"]
    """
    told = problem(tmp_path, text)
    assert 'suite.a.paths = "plugins:tests": its source must be one of' in told
    assert '"plugin"; did you mean "plugin"?' in told


def test_servers_of_a_suite(tmp_path: Path) -> None:
    text = """
        [tool.harness.server.portal]
        command = "serve"
        [tool.harness.suite.a]
        browser = true
        servers = ["portal", "portals"]
    """
    told = problem(tmp_path, text)
    assert 'suite.a.servers = "portals": there is no such server' in told
    assert 'did you mean "portal"?' in told


def test_a_suite_may_have_servers_and_no_browser(tmp_path: Path) -> None:
    text = """
        [tool.harness.server.portal]
        command = "serve"
        [tool.harness.suite.a]
        servers = ["portal"]
    """
    found = load(tmp_path, text).suite["a"]
    assert (found.servers, found.browser) == (("portal",), False)


def test_a_server_has_a_command(tmp_path: Path) -> None:
    told = problem(tmp_path, "[tool.harness.server.portal]\nhealth = '/health'")
    assert "[tool.harness.server.portal]: a server needs a command" in told


def test_cycles_are_told_once_each(tmp_path: Path) -> None:
    text = """
        [tool.harness.template]
        leaf.parent = "a"
        a.parent = "b"
        b.parent = "c"
        c.parent = "a"
        self.parent = "self"
        sound.parent = "root"
        root.modules = ["party"]
    """
    first, second = problems(tmp_path, text)
    assert 'template.a.parent = "b"' in first
    assert "cycle, a → b → c → a;" in first
    assert 'template.self.parent = "self"' in second
    assert "cycle, self → self;" in second


def test_missing_data(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "master.txt").touch()
    text = """
        [tool.harness.template.a]
        data = ["data/master.txt", "data/mastr.txt", "data", "none/x"]
    """
    told = problems(tmp_path, text)
    assert len(told) == 3
    assert 'template.a.data = "data/mastr.txt": there is no such file' in told[0]
    assert 'did you mean "master.txt"?' in told[0]
    assert str(tmp_path) in told[0]


@pytest.mark.parametrize("path", ["../x.txt", "a/../../x.txt", "/etc/hosts", ".."])
def test_data_outside_of_the_root(tmp_path: Path, path: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "x.txt").touch()
    told = problem(root, f"tool.harness.template.a.data = ['{path}']")
    assert f'"{path}": outside of the root, allowed: files below it' in told


def test_data_by_way_of_a_link(tmp_path: Path) -> None:
    root, other = tmp_path / "root", tmp_path / "checkout"
    root.mkdir()
    other.mkdir()
    (other / "x.txt").touch()
    (root / "src").symlink_to(other)
    text = "tool.harness.template.a.data = ['src/x.txt']"
    assert load(root, text).template["a"].data == ("src/x.txt",)


def test_a_missing_path_of_a_source(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    text = """
        [tool.harness.source]
        a.path = "there"
        b = {path = "later", repository = "https://git.example/b"}
        c.path = "ther"
    """
    told = problem(tmp_path, text)
    assert 'source.c.path = "ther": there is no such directory' in told
    assert 'did you mean "there"?' in told


# -- the error as a whole --------------------------------------------------


def test_all_problems_are_told_together(tmp_path: Path) -> None:
    text = """
        [tool.harness]
        jobs = -1
        job = 1
        [tool.harness.template.a]
        parent = "b"
    """
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text, {"HARNESS_X": ""}, {"keep": (3, "--keep")})
    error = caught.value
    assert error.code == ExitCode.USAGE
    assert error.message.startswith("the configuration has 5 problems:\n  pyproject")
    assert len(error.message.splitlines()) == 6
    assert str(tmp_path / "pyproject.toml") in error.checked
    assert "HARNESS_*" in error.checked
    assert error.remedy


def test_a_single_problem_is_told_in_the_singular(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the configuration has 1 problem:"):
        load(tmp_path, "tool.harness.jobs = -1")


# -- the file --------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("[tool.harness]\njobs == 1\n", "line 2, column 7"),
        ("[tool.harness]\njobs = ", "line 2, column 8"),
        ("[tool.harness", "line 1, column 14"),
        ("[tool.harness]\njobs = 1\njobs = 2\n", "line 3, column 9"),
    ],
)
def test_broken_toml(tmp_path: Path, text: str, position: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    message = caught.value.message
    assert message.startswith(f"{tmp_path / 'pyproject.toml'}, {position}: ")
    assert "(at " not in message
    assert "correct the TOML" in caught.value.remedy


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        config.load(tmp_path, {}, {})
    assert f"{tmp_path / 'pyproject.toml'} cannot be read: No such" in str(caught.value)
    assert "directory of the stack" in caught.value.remedy


def test_a_file_that_is_not_utf_8(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(b'x = "\xff"')
    with pytest.raises(ConfigError, match="is not UTF-8: byte 5"):
        config.load(tmp_path, {}, {})


def test_find_root(tmp_path: Path) -> None:
    deep = tmp_path / "src" / "module" / "tests"
    deep.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text("[tool.harness]\n")
    (tmp_path / "src" / "pyproject.toml").write_text("[tool]\nother = 1\n")
    (tmp_path / "src" / "module" / "pyproject.toml").write_text("broken")
    assert find_root(deep) == tmp_path.resolve()
    assert find_root(tmp_path) == tmp_path.resolve()


def test_find_root_stops_at_a_broken_file_of_ours(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.harness]\nx")
    with pytest.raises(ConfigError, match="line 2, column"):
        find_root(tmp_path)


def test_find_root_finds_nothing(tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text("tool = 1")
    assert find_root(tmp_path) is None
    error = nothing(tmp_path)
    assert "no Tryton module, no [tool.harness]" in error.message
    assert str(tmp_path) in error.checked
    assert "harness init" in error.remedy


# -- the gate ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("[tool.harness.check.x]\nrun = []", "a check needs a command line"),
        ('[tool.harness.check.x]\nrun = ["a \'b"]', "cannot be read as a command"),
        ('[tool.harness.check.x]\nrun = ["#"]\nmeasures = ["a"]', "{coverage}"),
        ('[tool.harness.check.changed]\nrun = ["a"]', "has the same name"),
        ("[tool.harness.suite.coverage]", "has the same name"),
        ('[tool.harness.suite.x]\n[tool.harness.check.x]\nrun = ["a"]', "same name"),
        ("[tool.harness.rule.x]\nselects = []", "needs patterns"),
        (
            '[tool.harness.suite.web]\n[tool.harness.rule.x]\nfiles = ["a"]\n'
            'selects = ["wbe"]',
            'did you mean "web"?',
        ),
        (
            '[tool.harness.suite.web]\n[tool.harness.rule.x]\nfiles = ["a"]\n'
            'selects = ["source:web"]',
            "there is nothing of this name",
        ),
        ("[tool.harness.gate]\nchanged = 101", "a percentage, 0 to 100"),
        ("[tool.harness.gate]\ncoverage = true", "a percentage, 0 to 100"),
        ('[tool.harness.gate]\nbase = "-x"', "a branch, tag or commit"),
    ],
)
def test_what_the_gate_cannot_do(tmp_path: Path, table: str, expected: str) -> None:
    assert expected in problem(tmp_path, table)


def test_what_the_gate_can_do(tmp_path: Path) -> None:
    made = load(
        tmp_path,
        """
        [tool.harness.suite.web]
        [tool.harness.check.unit]
        run = ["python -m coverage run --data-file={coverage}"]
        measures = ["web"]
        timeout = "10m"
        [tool.harness.rule.x]
        files = ["a"]
        selects = ["all", "suite:web", "unit", "check:unit"]
        """,
    )
    assert made.check["unit"].timeout == 600
    assert made.rule["x"].selects[0] == "all"


# -- tables of strings -----------------------------------------------------


def test_refs_are_a_table_in_the_file_and_pairs_elsewhere(tmp_path: Path) -> None:
    text = """
        [tool.harness.source.x]
        repository = "https://example.org/x"
        refs = {development = "main", production = "v1"}
        """
    made = load(tmp_path, text)
    assert made.source["x"].refs == {"development": "main", "production": "v1"}
    variable = {"HARNESS_SOURCE_X_REFS": "staging=next, production=v2"}
    made = load(tmp_path, text, variable)
    assert made.source["x"].refs == {"staging": "next", "production": "v2"}


@pytest.mark.parametrize(
    "value", ['{testing = "main"}', "{development = 1}", '{development = ""}', '"main"']
)
def test_refs_that_are_none(tmp_path: Path, value: str) -> None:
    text = f"[tool.harness.source.x]\nrepository = 'x'\nrefs = {value}\n"
    assert "development, staging, production" in problem(tmp_path, text)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("apart = 2", 'allowed in suites of kind "pytest"'),
        ('evidence = ["shots"]', "a directory inside the image, from / on"),
    ],
)
def test_what_a_container_for_each_worker_needs(
    tmp_path: Path, line: str, why: str
) -> None:
    assert why in problem(tmp_path, f"[tool.harness.suite.a]\n{line}")


@pytest.mark.parametrize("given", ["17 3 * * 1", "*/5 * * * *", "0 0 1,15 JAN-MAR *"])
def test_times_of_the_clock(tmp_path: Path, given: str) -> None:
    text = f"[tool.harness.ci]\nschedule = {given!r}\n"
    (tmp_path / "pyproject.toml").write_text(text, "utf-8")
    assert config.load(tmp_path, {}, {}).ci.schedule == given


@pytest.mark.parametrize("given", ["daily", "1 2 3", "1 2 3 4 5 6", "1 2 3 4 5\n"])
def test_what_is_no_time_of_the_clock(tmp_path: Path, given: str) -> None:
    text = f"[tool.harness.ci]\nschedule = {json.dumps(given)}\n"
    (tmp_path / "pyproject.toml").write_text(text, "utf-8")
    with pytest.raises(ConfigError, match="cron line"):
        config.load(tmp_path, {}, {})
