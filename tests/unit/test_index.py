# SPDX-License-Identifier: GPL-3.0-or-later
"""What pip says of an index that has nothing, or does not answer."""

import pytest

from harness import index
from harness.errors import CommandFailed, MissingTool, SourceError, UsageError

LINE = "python -m pip install trytond ended with exit code 1:"
BROKEN = (
    "WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by"
    " 'NewConnectionError(': Failed to establish a new connection: [Errno 111]"
    " Connection refused')': /simple/trytond/"
)
RESOLVER = (
    "ERROR: Cannot install trytond==7.0 because these package versions have"
    " conflicting dependencies."
)


@pytest.mark.parametrize(
    "words",
    [
        f"{BROKEN}\nERROR: No matching distribution found for trytond==7.0.*",
        f"{BROKEN}\n{RESOLVER}",
        "ERROR: HTTP error 503 Server Error: Busy for url: x\nERROR: 503 Server Error",
        "ERROR: Could not install packages: HTTPSConnectionPool(host='x', port=443):"
        " Max retries exceeded with url: /simple/",
    ],
)
def test_an_index_that_does_not_answer(words: str) -> None:
    found = index.explained(CommandFailed(f"{LINE}\n{words}"))
    assert isinstance(found, MissingTool)
    assert found.message == "the package index does not answer"
    assert "python -m pip install trytond\n" in found.checked
    assert "doctor" in found.remedy


def test_a_requirement_that_the_index_does_not_have() -> None:
    words = "ERROR: No matching distribution found for nothing==9"
    found = index.explained(CommandFailed(f"{LINE}\n{words}"))
    assert isinstance(found, UsageError)
    assert found.message == "the package index has no nothing==9"


@pytest.mark.parametrize("mark", ["'", '"'])
def test_what_is_no_requirement(mark: str) -> None:
    error = CommandFailed(
        f"pip\nERROR: Invalid requirement: {mark}a requirement!{mark}"
    )
    found = index.explained(error)
    assert isinstance(found, UsageError)
    assert "'a requirement!' is no requirement" in found.message
    assert "--with" in found.remedy


def test_what_conflicts_is_told_in_pips_words() -> None:
    error = CommandFailed(f"{LINE}\n{RESOLVER}")
    assert index.explained(error) is error


@pytest.mark.parametrize(
    "words",
    [
        "error: Cannot update time stamp of directory 'alpha.egg-info'",
        "error: could not create 'alpha.egg-info': Read-only file system",
        "error: [Errno 13] Permission denied: 'alpha.egg-info/PKG-INFO'",
    ],
)
def test_a_source_in_a_checkout_that_cannot_be_written(words: str) -> None:
    found = index.explained(CommandFailed(f"{LINE}\n  running egg_info\n  {words}"))
    assert isinstance(found, MissingTool)
    assert "cannot be written" in found.message
    assert words in found.checked


@pytest.mark.parametrize(
    ("trace", "who", "package"),
    [
        (
            'File "/env/importlib.py", line 9, in load\n  File "<frozen x>", line 1\n'
            '  File "/r/shift.py", line 4, in <module>\n    import pytz\n'
            "ModuleNotFoundError: No module named 'pytz'",
            "/r/shift.py imports pytz,",
            "--with 'pytz'",
        ),
        (
            "tests/test_module.py:3: in <module>\n    import yaml.nodes\n"
            "E   ModuleNotFoundError: No module named 'yaml'",
            "tests/test_module.py imports yaml,",
            "--with 'PyYAML'",
        ),
        (
            "tests/test_a.py:1: in <module>\n"
            "E   ModuleNotFoundError: No module named 'trytond.modules.sale'",
            "tests/test_a.py imports trytond.modules.sale,",
            "--with 'trytond_sale'",
        ),
        (
            "tests/test_a.py:1: in <module>\n"
            "E   ModuleNotFoundError: No module named 'trytond.modules.vendors.tests'",
            "tests/test_a.py imports trytond.modules.vendors.tests,",
            "clone vendors beside the repository",
        ),
    ],
)
def test_an_import_of_what_nobody_requires(trace: str, who: str, package: str) -> None:
    found = index.undeclared(trace, ["shift"])
    assert isinstance(found, SourceError)
    assert found.message.startswith(who)
    assert package in found.remedy


@pytest.mark.parametrize(
    "trace", ["", "x.py:1: in y\nE   ModuleNotFoundError: No module named 'own.part'"]
)
def test_what_is_ours_is_not_required(trace: str) -> None:
    assert index.undeclared(trace, ["own"]) is None


def test_a_requirements_repository_that_cannot_be_reached() -> None:
    words = "fatal: unable to access 'https://a/b.git/': Could not resolve host: a"
    found = index.explained(CommandFailed(f"{LINE}\n{words}"))
    assert isinstance(found, MissingTool)
    assert found.message == "the repository https://a/b.git/ cannot be reached"
