# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings: one table, one dataclass; the dotted key is the attribute path."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Annotated, Final

from harness.config import kinds
from harness.config.browsing import BrowserSettings, ServerTable
from harness.config.ci import CI
from harness.config.gating import CheckTable, GateSettings, RuleTable
from harness.config.kinds import Kind
from harness.config.names import DEFAULT, guess
from harness.config.services import ServiceTable
from harness.config.suites import BELOW, LANGUAGE, MODULES, SuiteTable, TemplateTable
from harness.errors import ConfigError
from harness.model import ENVIRONMENTS

_DEBIAN: Final = "names of Debian packages"


@dataclass(frozen=True, kw_only=True)
class DatabaseSettings:
    """``[tool.harness.database]``; `start_timeout` in seconds."""

    server: Annotated[
        str, kinds.choice("auto", "docker", "local", "sqlite", prefix="postgresql://")
    ] = "auto"
    storage: Annotated[str, kinds.choice("auto", "memory", "disk")] = "auto"
    encoding: Annotated[
        str, kinds.text('an encoding of PostgreSQL such as "UTF8"', r"[\w-]+")
    ] = "UTF8"
    locale: Annotated[str, kinds.text('a locale such as "C.UTF-8"', r"[\w.@-]+")] = (
        "C.UTF-8"
    )
    start_timeout: Annotated[int, kinds.duration(1)] = 60
    image: Annotated[str, kinds.text("an image, or nothing for the stack's own")] = ""


@dataclass(frozen=True, kw_only=True)
class Images:
    """``[tool.harness.images]``: images are called ``prefix/SERVICE:variant``.

    `base` is the image that all others begin with, `suite` the Debian release of
    it where it is made on this machine.  `packages` are what the image ``tests``
    has of Debian, `build_packages` what only its making needs; `browsers` are those
    of ``selenium`` beside Chromium.
    """

    prefix: Annotated[str, kinds.text("a repository", r"[a-z0-9][a-z0-9._/:-]*")] = (
        "collecting-society"
    )
    variant: Annotated[str, kinds.choice("development", "production")] = "development"
    base: Annotated[str, kinds.text("an image")] = "debian:bookworm-slim"
    packages: Annotated[tuple[str, ...], kinds.strings(_DEBIAN)] = ()
    build_packages: Annotated[tuple[str, ...], kinds.strings(_DEBIAN)] = ()
    browsers: Annotated[tuple[str, ...], kinds.strings(_DEBIAN)] = ()
    suite: Annotated[str, kinds.text("a Debian release", r"[a-z]+")] = "bookworm"


@dataclass(frozen=True, kw_only=True)
class StackSettings:
    """``[tool.harness.stack]``: the services that ``harness up`` starts.

    `project` is Compose's name of it, empty for one made of the checkout's
    place; `timeout` in seconds until all services must be healthy.  Ports are those
    of 127.0.0.1; a `db_port` of 0 publishes none.  Where there is a certificate, pages
    are at the `https_port`, and `address` may let in others than this machine.
    Tryton's user of processing is
    made in the `processing_groups`, ``module.id``; without any it is not made.
    The first database has the `modules`, or all that a `template` has.
    """

    environment: Annotated[str, kinds.choice(*ENVIRONMENTS)] = "development"
    project: Annotated[
        str, kinds.text("a Compose project, or nothing", r"([a-z0-9][a-z0-9_-]*)?")
    ] = ""
    database: Annotated[str, kinds.text("a database", r"[a-z][a-z0-9_]*")] = (
        "collecting_society"
    )
    modules: Annotated[tuple[str, ...], kinds.strings(MODULES)] = (
        "collecting_society",
    )
    template: Annotated[str, kinds.text("the name of a template")] = ""
    timeout: Annotated[int, kinds.duration(1)] = 120
    nginx_port: Annotated[int, kinds.number(1)] = 81
    https_port: Annotated[int, kinds.number(1)] = 443
    address: Annotated[str, kinds.choice("127.0.0.1", "0.0.0.0")] = "127.0.0.1"  # noqa: S104
    erpserver_port: Annotated[int, kinds.number(1)] = 8000
    db_port: Annotated[int, kinds.number()] = 0
    processing_groups: Annotated[
        tuple[str, ...], kinds.strings("groups, module.id")
    ] = ("collecting_society.group_processing",)


@dataclass(frozen=True, kw_only=True)
class Templates:
    """``[tool.harness.templates]``; `size` in bytes, `age`, `deadline` in seconds.

    `cuts` are the modules whose closure is a layer of its own, `reads` what sources
    read while they are activated and do not ship.
    """

    count: Annotated[int, kinds.number()] = 60
    size: Annotated[int, kinds.size()] = 6 * 2**30
    age: Annotated[int, kinds.duration()] = 30 * 86400
    deadline: Annotated[int, kinds.duration(1)] = 15 * 60
    cuts: Annotated[tuple[str, ...], kinds.strings(MODULES)] = (
        "company",
        "account_invoice",
    )
    reads: Annotated[tuple[str, ...], kinds.strings(BELOW)] = ()
    language: Annotated[str, kinds.text('a language such as "en"', LANGUAGE)] = "en"


@dataclass(frozen=True, kw_only=True)
class PoolSettings:
    """``[tool.harness.pool]``: clones made `ahead` per template, `cap` of all."""

    ahead: Annotated[int, kinds.number()] = 2
    cap: Annotated[int, kinds.number(1)] = 32


@dataclass(frozen=True, kw_only=True)
class Git:
    """``[tool.harness.git]``: how repositories are reached, what is made beside them.

    A `mirror` is an address with ``{name}``, ``{path}`` or ``{host}``; `protocol`
    is for addresses that are no paths.  `links` are ``LINK=TARGET``, relative to
    the root; ``{name}`` in them stands for each source.
    """

    mirror: Annotated[str, kinds.text("an address, or nothing")] = ""
    protocol: Annotated[str, kinds.choice("given", "https", "ssh")] = "given"
    folders: Annotated[tuple[str, ...], kinds.strings("directories")] = ()
    links: Annotated[tuple[str, ...], kinds.strings('"LINK=TARGET"')] = ()


@dataclass(frozen=True, kw_only=True)
class SourceTable:
    """``[tool.harness.source.NAME]``; an empty `path` is looked for by name.

    `refs` are the branch, tag or commit per environment; without one, the next
    stage's counts, and in the end the repository's default branch.

    One of kind ``data`` is not installed.  `pins` are files in it in which
    ``NAME==VERSION`` stands: constraints of pip, in images ``tests``.
    `lint` is who checks it, by its own settings and with `lint_options`: ``harness
    lint``.  `modules` are
    those that only its tests need; `series` counts where its ``tryton.cfg`` has none.
    """

    kind: Annotated[str, kinds.choice("tryton", "python", "data")] = "tryton"
    path: Annotated[str, kinds.text("a directory, relative to the root")] = ""
    repository: Annotated[str, kinds.text("the address of a git repository")] = ""
    refs: Annotated[
        Mapping[str, str],
        kinds.table("branches, tags or commits", *ENVIRONMENTS),
    ] = field(default_factory=dict)
    requirements: Annotated[tuple[str, ...], kinds.strings("pip requirements")] = ()
    extras: Annotated[tuple[str, ...], kinds.strings("extras of the package")] = ()
    constraints: Annotated[tuple[str, ...], kinds.strings("pip constraints")] = ()
    pins: Annotated[tuple[str, ...], kinds.strings("files in the source")] = ()
    lint: Annotated[str, kinds.choice("ruff", "flake8", "none")] = "ruff"
    lint_options: Annotated[tuple[str, ...], kinds.strings("the linter's words")] = ()
    modules: Annotated[tuple[str, ...], kinds.strings(MODULES)] = ()
    series: Annotated[str, kinds.text('a series such as "7.0"', r"(\d+\.\d+)?")] = ""


#: Tables that are there once, and tables that are there once per name.
SECTIONS: Final[dict[str, type]] = {
    "database": DatabaseSettings,
    "browser": BrowserSettings,
    "templates": Templates,
    "pool": PoolSettings,
    "images": Images,
    "stack": StackSettings,
    "gate": GateSettings,
    "git": Git,
    "ci": CI,
}
NAMED: Final[dict[str, type]] = {
    "source": SourceTable,
    "suite": SuiteTable,
    "server": ServerTable,
    "template": TemplateTable,
    "check": CheckTable,
    "rule": RuleTable,
    "service": ServiceTable,
}


@dataclass(frozen=True, kw_only=True)
class Config:
    """``[tool.harness]``: the whole configuration, valid and finished.

    `profile` are the tables that were laid over the others. `reports`, `examples`,
    `src`, `backups` are relative to `root`; `encrypt_to` has keys, with spaces between,
    for the backups of an environment; `jobs` of 0 is the number of CPUs, `workers` are
    on other machines; an empty `state` is computed by its user; `durations` keeps how
    long test files take, for shards; `requirements` are in each suite's environment.
    Failing tests are run again up to `reruns` times; what a test does may take
    `timeout` seconds (0: any), and after `quiet` seconds without news a run says what
    it waits for (0: never). With `exact`, templates are found by whole files, never by
    traces; CI sets it. `origins` has the source of each key that is not a default.
    """

    root: Path
    profile: Annotated[
        str, kinds.text('a profile, "none", or nothing for the one that fits')
    ] = ""
    series: Annotated[
        str, kinds.text('a release series in quotes, such as "7.0"', r"\d+\.\d+")
    ] = "7.0"
    jobs: Annotated[int, kinds.number(most=1000)] = 0
    workers: Annotated[tuple[str, ...], kinds.strings("[N*]ssh=HOST")] = ()
    reports: Annotated[str, kinds.directory()] = "reports"
    keep: Annotated[bool, kinds.flag()] = False
    state: Annotated[str, kinds.text("a directory, or nothing")] = ""
    examples: Annotated[str, kinds.directory()] = "examples"
    src: Annotated[str, kinds.directory()] = "src"
    requirements: Annotated[tuple[str, ...], kinds.strings("pip requirements")] = ()
    reruns: Annotated[int, kinds.number()] = 0
    timeout: Annotated[int, kinds.duration()] = 10 * 60
    quiet: Annotated[int, kinds.duration()] = 60
    keep_reports: Annotated[int, kinds.number()] = 20
    editor: Annotated[
        str,
        kinds.text("an address with {path} and {line}, or nothing", r"|\w[\w.+-]*:.*"),
    ] = "vscode://file{path}:{line}"
    durations: Annotated[str, kinds.text("a file of the project, or nothing")] = (
        "durations.txt"
    )
    backups: Annotated[str, kinds.directory()] = "backups"
    encrypt_to: Annotated[
        Mapping[str, str], kinds.table("public keys of age", *ENVIRONMENTS)
    ] = field(default_factory=dict)
    exact: Annotated[bool, kinds.flag()] = False
    database: DatabaseSettings = DatabaseSettings()
    browser: BrowserSettings = field(default_factory=BrowserSettings)
    templates: Templates = Templates()
    pool: PoolSettings = PoolSettings()
    images: Images = Images()
    stack: StackSettings = StackSettings()
    gate: GateSettings = field(default_factory=GateSettings)
    git: Git = Git()
    ci: CI = field(default_factory=CI)
    source: Mapping[str, SourceTable] = field(default_factory=dict)
    suite: Mapping[str, SuiteTable] = field(default_factory=dict)
    server: Mapping[str, ServerTable] = field(default_factory=dict)
    template: Mapping[str, TemplateTable] = field(default_factory=dict)
    check: Mapping[str, CheckTable] = field(default_factory=dict)
    rule: Mapping[str, RuleTable] = field(default_factory=dict)
    service: Mapping[str, ServiceTable] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)

    def values(self) -> Iterator[tuple[str, object, str]]:
        """Each (key, value, source), in the order of the schema."""
        for key in self._keys():
            value: object = self
            for part in key.split("."):
                if isinstance(value, Mapping):
                    value = value[part]
                else:
                    value = getattr(value, part)
            yield key, value, self.origins.get(key, DEFAULT)

    def source_of(self, key: str) -> str:
        """``default``, ``pyproject.toml``, a variable, or an option."""
        known = self._keys()
        if key not in known:
            raise ConfigError(f'there is no key "{key}"{guess(key, known)}')
        return self.origins.get(key, DEFAULT)

    def _keys(self) -> dict[str, Kind]:
        return keys({table: tuple(getattr(self, table)) for table in NAMED})


@cache
def kinds_of(table: type) -> Mapping[str, Kind]:
    """The settings of one table."""
    known: dict[str, Kind] = {}
    for item in fields(table):
        for mark in getattr(item.type, "__metadata__", ()):
            if isinstance(mark, Kind):
                known[item.name] = mark
    return known


def keys(names: Mapping[str, Iterable[str]]) -> dict[str, Kind]:
    """All dotted keys; `names` has the names of each named table."""
    known = dict(kinds_of(Config))
    tables = dict(SECTIONS)
    for table, schema in NAMED.items():
        tables |= {f"{table}.{name}": schema for name in names.get(table, ())}
    for prefix, schema in tables.items():
        known |= {f"{prefix}.{name}": kind for name, kind in kinds_of(schema).items()}
    return known
