# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of browsers, and which are taken."""

from pathlib import Path

import pytest

from harness import browsers
from harness.browsers import BrowserRequest, Endpoint, Grid, Reach, capabilities
from harness.errors import ConfigError, MissingTool

WISH = BrowserRequest(scratch=Path("/scratch"))


class Place:
    """A place of browsers that gives a reason."""

    def __init__(self, kind: str, why: str | None) -> None:
        self.kind = kind
        self.why = why

    def why_not(self) -> str | None:
        return self.why

    def versions(self) -> str:
        return self.kind

    def reach(self) -> Reach:
        return Reach()

    def open(self, worker: str) -> Endpoint:
        return Endpoint(url="", capabilities={})

    def close(self, worker: str = "") -> None:
        pass


def test_auto_takes_the_first_that_can_be_used() -> None:
    no, yes = Place("local", "it is not there"), Place("docker", None)
    chosen, why = browsers.choose("auto", [no, yes])
    assert chosen is yes
    assert why == "auto: the first that can be used; not local: it is not there"
    assert browsers.choose("auto", [yes, no])[0] is yes
    assert browsers.choose("docker", [yes]) == (yes, "asked for")


def test_all_reasons_are_said() -> None:
    places = [Place("local", "no browser"), Place("docker", "no image")]
    with pytest.raises(MissingTool, match="not local: no browser; not docker: no im"):
        browsers.choose("auto", places)


def test_capabilities_of_the_configuration_win() -> None:
    given = capabilities.read(["platformName=linux", 'se:options={"a": 1}', "n=3"])
    assert given == {"platformName": "linux", "se:options": {"a": 1}, "n": 3}
    wish = BrowserRequest(
        scratch=Path("/"), arguments=("--lang=de",), capabilities=given
    )
    made = capabilities.chromium(wish, binary="/b", profile="/p", downloads="/d")
    assert made["platformName"] == "linux"
    options = made["goog:chromeOptions"]
    assert {"--headless", "--lang=de", "--user-data-dir=/p"} <= set(options["args"])
    assert options["binary"] == "/b"
    assert options["prefs"]["download.default_directory"] == "/d"


def test_a_window_is_shown_on_request() -> None:
    wish = BrowserRequest(scratch=Path("/"), headed=True)
    assert "--headless" not in capabilities.chromium(wish)["goog:chromeOptions"]["args"]
    assert "-headless" not in capabilities.firefox(wish)["moz:firefoxOptions"]["args"]
    assert "-headless" in capabilities.firefox(WISH)["moz:firefoxOptions"]["args"]


@pytest.mark.parametrize("line", ["nothing", "=value", " =1"])
def test_a_capability_has_a_name(line: str) -> None:
    with pytest.raises(ConfigError, match="has no name"):
        capabilities.read([line])


def test_a_grids_password_is_not_shown() -> None:
    assert Grid(WISH, "http://me:secret@grid:4444/").shown == "http://***@grid:4444"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_a_grid_on_this_machine_needs_no_other_address(host: str) -> None:
    assert Grid(WISH, f"http://{host}:4444").reach() == Reach()


def test_the_name_of_this_machine_can_be_given() -> None:
    wish = BrowserRequest(scratch=Path("/"), host="me.example")
    reach = Grid(wish, "http://grid:4444").reach()
    assert reach == Reach(bind="0.0.0.0", host="me.example")
