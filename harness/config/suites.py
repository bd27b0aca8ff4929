# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of suites, and of the templates that they run on."""

from dataclasses import dataclass
from typing import Annotated, Final, Literal

from harness.config import kinds
from harness.model import Isolation

LANGUAGE: Final = r"[a-z]{2,3}(_[A-Za-z0-9]{2,4})?"
MODULES: Final = "names of modules"
BELOW: Final = "existing paths below the root, relative to it"
VARIABLES: Final = '"NAME=VALUE"'


@dataclass(frozen=True, kw_only=True)
class SuiteTable:
    """``[tool.harness.suite.NAME]``; `options` are extra arguments of pytest.

    Of kind ``tryton``: the tests of `modules`.  Of kind ``pytest``: the tests of
    `source` below `paths`, on leases of `template`, with `sources` installed
    beside it; `nose` for suites in nose's style.  `environment` may hold
    ``{files}``, ``{worker}``, ``{database}``, ``{uri}``, ``{port:NAME}`` and
    ``{host}``, the name by which a browser reaches the worker; it wins
    over `environment_files`.  A path may be ``SOURCE:PATH``, in one of
    `sources`; `rootdir` is pytest's, in the source.  With `browser` its tests have
    one, and the `servers` of these names.  Without `reruns`, the general ones count;
    the same with `timeout`.

    The rest is for ``--in image``: the service whose image is taken (or an image
    with its tag), names of the container, of the database server and of a WebDriver
    on its network, mounts, what the source is `lacking`, the working directory,
    directories in it whose new files are `evidence`.  `apart` puts so many workers at
    most into a container each.

    The last four are what CI multiplies: a job for each `series` (none: the
    modules' own), `databases` (none: the configured server) and `pythons` (none:
    the newest of the series), each in so many `shards`.
    """

    kind: Annotated[str, kinds.choice("tryton", "pytest")] = "tryton"
    modules: Annotated[tuple[str, ...], kinds.strings(MODULES)] = ()
    source: Annotated[str, kinds.text("the name of a source")] = ""
    sources: Annotated[tuple[str, ...], kinds.strings("names of sources")] = ()
    nose: Annotated[bool, kinds.flag()] = False
    paths: Annotated[tuple[str, ...], kinds.strings("paths in the source")] = ()
    rootdir: Annotated[str, kinds.text("a directory in the source")] = ""
    isolation: Annotated[Isolation, kinds.choice(*Isolation)] = Isolation.CLASS
    template: Annotated[str, kinds.text("the name of a template")] = ""
    options: Annotated[tuple[str, ...], kinds.strings("arguments of pytest")] = ()
    coverage: Annotated[bool, kinds.flag()] = False
    runner: Annotated[str, kinds.choice("venv", "image")] = "venv"
    image: Annotated[str, kinds.text("a service or an image")] = "erpserver"
    aliases: Annotated[tuple[str, ...], kinds.strings("names of hosts")] = ()
    database_aliases: Annotated[tuple[str, ...], kinds.strings("names of hosts")] = (
        "db",
    )
    browser_aliases: Annotated[tuple[str, ...], kinds.strings("names of hosts")] = ()
    apart: Annotated[int, kinds.number()] = 0
    evidence: Annotated[tuple[str, ...], kinds.strings("directories inside")] = ()
    mounts: Annotated[tuple[str, ...], kinds.strings('"OUTSIDE:INSIDE[:ro]"')] = ()
    lacking: Annotated[tuple[str, ...], kinds.strings('"PATH=FILE"')] = ()
    directory: Annotated[str, kinds.text("a directory in the image")] = ""
    environment: Annotated[tuple[str, ...], kinds.strings(VARIABLES)] = ()
    environment_files: Annotated[tuple[str, ...], kinds.strings(BELOW)] = ()
    series: Annotated[tuple[str, ...], kinds.strings("release series")] = ()
    databases: Annotated[tuple[str, ...], kinds.strings("database servers")] = ()
    pythons: Annotated[tuple[str, ...], kinds.strings('such as "3.12"')] = ()
    shards: Annotated[int, kinds.number(1)] = 1
    reruns: Annotated[int, kinds.number()] = 0
    timeout: Annotated[int, kinds.duration()] = 0
    browser: Annotated[bool, kinds.flag()] = False
    servers: Annotated[tuple[str, ...], kinds.strings("names of servers")] = ()


@dataclass(frozen=True, kw_only=True)
class TemplateTable:
    """``[tool.harness.template.NAME]``; `data` are documents relative to the root.

    A `reclimit` of 0 and an empty `language` leave the general setting.

    `command` is run last, in `directory`, with `environment`: a program that fills
    the database ``DB_NAME`` of ``TRYTOND_DATABASE_URI``.  Its outcome depends on the
    files and directories that it `reads`, and on installed `packages`.

    Documents may name in `reads` what is no data file beside them.  `dated` says
    whether the template is another one each day: ``auto``, where one of its scripts
    asks for the date.
    """

    parent: Annotated[str, kinds.text("the name of another template")] = ""
    modules: Annotated[tuple[str, ...], kinds.strings(MODULES)] = ()
    data: Annotated[
        tuple[str, ...], kinds.strings("existing files below the root, relative to it")
    ] = ()
    command: Annotated[tuple[str, ...], kinds.strings("a program's words")] = ()
    directory: Annotated[str, kinds.text("a directory, relative to the root")] = ""
    reads: Annotated[tuple[str, ...], kinds.strings(BELOW)] = ()
    packages: Annotated[tuple[str, ...], kinds.strings("names of packages")] = ()
    environment: Annotated[tuple[str, ...], kinds.strings(VARIABLES)] = ()
    dated: Annotated[
        Literal["auto", "always", "never"], kinds.choice("auto", "always", "never")
    ] = "auto"
    reclimit: Annotated[int, kinds.number()] = 0
    language: Annotated[
        str, kinds.text('a language such as "en", or nothing', rf"({LANGUAGE})?")
    ] = ""
