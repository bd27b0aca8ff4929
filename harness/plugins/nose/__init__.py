# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs suites written for nose, on pytest 7.2 and newer.

``pytest -p harness.plugins.nose``; nothing but pytest is needed.
"""

from __future__ import annotations

import os
import re
from typing import Any

import pytest

from harness.plugins.nose import (
    addresses,
    attributes,
    collect,
    compat,
    cover,
    order,
    outcome,
    rules,
)
from harness.plugins.nose.state import KEY, State

WORKERS = "harness.plugins.workers"
PARTS = (collect, order, outcome, addresses)
INI = (
    ("nose_match", "regular expression of test names (nose's testMatch)", "string", ""),
    ("nose_options", "let -m be nose's --match, not a marker's name", "bool", False),
    ("nose_order", "nose, or file: tests of a module as they are written", "string",
     "nose"),
)  # fmt: skip


def pytest_addoption(parser: Any, pluginmanager: Any) -> None:
    """nose's options, as far as pytest has not the same."""
    builtin = pluginmanager.get_plugin("nose")  # of pytest 7: a part of what we do
    if builtin is not None:
        pluginmanager.unregister(builtin)
    pluginmanager.set_blocked("nose")
    compat.install()
    group = parser.getgroup("nose", "suites written for nose")
    _add_selection(group)
    _add_others(group)
    cover.add_options(group)
    for name, text, kind, default in INI:
        parser.addini(name, text, kind, default=default)


def _add(group: Any, *names: str, **options: Any) -> None:
    """Add an option; its short form only if nobody has it."""
    # `addoption` keeps short names in lower case for pytest; nose's are such:
    # https://github.com/pytest-dev/pytest/blob/9.2.0/src/_pytest/config/argparsing.py
    try:
        group._addoption(*names, **options)
    except ValueError:
        group._addoption(*[name for name in names if name[1] == "-"], **options)


def _add_selection(group: Any) -> None:
    several: dict[str, Any] = {"action": "append", "default": []}
    for names, metavar, text in (
        (("--path",), "ADDRESS", "a file, directory or nose address to run"),
        (("--tests",), "NAMES", "the same, several with commas"),
        (("-a", "--attr"), "ATTR", "only tests with the attribute: x, !x, x=1, x,y=1"),
        (("-A", "--eval-attr"), "EXPR", "only tests for whose attributes it is true"),
        (("-i", "--include"), "REGEX", "take names that match for tests, too"),
        (("-e", "--exclude"), "REGEX", "never take names that match for tests"),
        (("-I", "--ignore-files"), "REGEX", "files left out, in place of nose's own"),
    ):
        dest = f"nose_{names[-1].lstrip('-').replace('-', '_')}"
        _add(group, *names, dest=dest, metavar=metavar, help=text, **several)
    _add(
        group, "--match", "--nose-match", "--testmatch", default="", metavar="REGEX",
        dest="nose_match", help="names that match are those of tests",
    )  # fmt: skip
    switch = {"action": "store_true", "dest": "nose_exe"}
    _add(group, "--exe", help="run executable files, too", default=False, **switch)
    _add(group, "--noexe", action="store_false", dest="nose_exe", help="leave them out")


def _add_others(group: Any) -> None:
    same = {"action": "store_true"}
    _add(group, "--failed", dest="lf", help="as --lf: what failed last time", **same)
    for name in ("--pdb-failures", "--pdb-errors"):
        _add(group, name, dest="usepdb", help="as --pdb", **same)
    _add(group, "--stop", action="store_const", const=1, dest="maxfail", help="as -x")
    _add(
        group, "--nocapture", action="store_const", const="no", dest="capture",
        help="as -s",
    )  # fmt: skip
    _add(group, "--with-doctest", dest="doctestmodules", help="as --doctest-modules",
         **same)  # fmt: skip
    for name in ("--with-id", "--nologcapture", "--detailed-errors"):
        _add(group, name, dest="nose_ignored", help="accepted, without effect", **same)
    _add(group, "--with-xunit", dest="nose_xunit", help="write a JUnit file", **same)
    _add(
        group, "--xunit-file", dest="nose_xunit_file", metavar="FILE", default="",
        help="its name (nosetests.xml)",
    )  # fmt: skip


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: Any, args: list[str]) -> None:
    """Translate addresses in time for the conftest files beside them."""
    cover.start(early_config, early_config.known_args_namespace)
    known = early_config.known_args_namespace
    where = early_config.invocation_params.dir
    for name in [*known.file_or_dir, *_extra(known)]:
        try:
            address = addresses.translate(name, where)
        except addresses.Wrong:
            continue  # a value of an option that nobody knows yet, perhaps
        if name in known.file_or_dir:
            place = known.file_or_dir.index(name)
            known.file_or_dir[place] = address
            args[:] = [address if one == name else one for one in args]
        else:
            known.file_or_dir.append(address)


def _extra(options: Any) -> list[str]:
    """Addresses given by options."""
    several = [part.strip() for text in options.nose_tests for part in text.split(",")]
    return [*options.nose_path, *filter(None, several)]


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: Any) -> None:
    """Settle options and addresses before other plugins look at them."""
    options = config.option
    cover.start(config, options)
    match = options.nose_match or config.getini("nose_match")
    if config.getini("nose_options") and options.markexpr:
        match, options.markexpr = options.markexpr, ""
    if options.nose_xunit and not options.xmlpath:
        options.xmlpath = options.nose_xunit_file or "nosetests.xml"
    try:
        state = State(
            rules.Rules(
                match=match or rules.MATCH,
                include=options.nose_include,
                exclude=options.nose_exclude,
                ignore=options.nose_ignore_files,
                executables=options.nose_exe,
            ),
            attributes.parse(options.nose_attr, options.nose_eval_attr),
        )
    except (re.error, SyntaxError) as error:
        text = getattr(error, "pattern", "") or getattr(error, "text", "")
        raise pytest.UsageError(f"cannot read {text}: {error}") from None
    options.continue_on_collection_errors = True  # an import error is that file's
    _aim(config, state)
    config.stash[KEY] = state
    for glob in rules.GLOBS if state.rules.standard else ():
        config.addinivalue_line("python_files", glob)
    _keep_groups(config)
    for part in PARTS:
        config.pluginmanager.register(part, part.__name__)


def _aim(config: Any, state: State) -> None:
    """Translate what the session is asked to run; stop at what leads nowhere."""
    where = config.invocation_params.dir
    extra = _extra(config.option)
    given = [] if extra and _is_default(config) else config.args
    if not config.option.pyargs:
        wrong = []
        for place, name in enumerate(targets := [*given, *extra]):
            try:
                targets[place] = addresses.translate(name, where)
            except addresses.Wrong as error:
                wrong.append(str(error))
        if wrong:
            raise pytest.UsageError(*wrong)
        config.args[:] = targets
    state.targets = [addresses.split(name, where) for name in config.args]


def _is_default(config: Any) -> bool:
    """Whether pytest chose what to run, since nothing was given."""
    source = getattr(config, "args_source", None)
    return not str(getattr(source, "name", "ARGS")).endswith("ARGS")


def _keep_groups(config: Any) -> None:
    """Have xdist keep groups together, unless it was told what to do.

    Our own scheduler keeps them by itself.
    """
    given = [*config.invocation_params.args, os.environ.get("PYTEST_ADDOPTS", "")]
    told = "--dist" in " ".join(given) or config.pluginmanager.hasplugin(WORKERS)
    if getattr(config.option, "dist", "") == "load" and not told:
        config.option.dist = "loadgroup"
    if getattr(config, "workerinput", {}).get("nose_groups"):
        config.option.loadgroup = True
