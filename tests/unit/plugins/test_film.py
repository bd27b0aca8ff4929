# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a test in a browser, in words, and their pictures."""

from types import SimpleNamespace
from typing import Any

import pytest

from harness.plugins import film as film_
from harness.plugins.film import Film
from harness.plugins.steps import Names, short


class Machine:
    """A driver that finds elements, and a clock."""

    def __init__(self) -> None:
        self.now = 100.0
        self.sent: list[str] = []
        self.cost = 0.0

    def execute(self, name: str, given: Any) -> Any:
        self.now += 1
        if name == "fails":
            raise ValueError("no\nsuch thing")
        if name == "clickElement" and given["id"] == "gone":
            raise ValueError("it is gone\nstack")
        if name.startswith("find"):
            return {"value": SimpleNamespace(id=given["value"])}
        return {"value": None}

    def send(self, name: str, **given: Any) -> None:
        self.now += self.cost
        self.sent.append(name)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()
    monkeypatch.setattr(film_, "time", SimpleNamespace(monotonic=lambda: made.now))
    return made


@pytest.fixture
def film(machine: Machine) -> Film:
    made = Film()
    made.load(machine.send, "window")
    return made


def frame(number: int, when: float, data: str) -> dict[str, Any]:
    parameters = {"sessionId": number, "data": data, "metadata": {"timestamp": when}}
    return {"method": film_.FRAME, "params": parameters}


def moved(url: str, parent: str = "") -> dict[str, Any]:
    frame = {"url": url, **({"parentId": parent} if parent else {})}
    return {"method": film_.MOVED, "params": {"frame": frame}}


def do(film: Film, machine: Machine, name: str, **given: Any) -> None:
    film.around(machine.execute, name, given)


def test_a_form_has_one_picture_filled_in_and_one_sent(
    film: Film, machine: Machine
) -> None:
    do(film, machine, "get", url="http://a/")
    for name in ("one", "two"):
        do(film, machine, "findElement", using="css selector", value=name)
        do(film, machine, "clearElement", id=name)
        do(film, machine, "sendKeysToElement", id=name, text="text")
    do(film, machine, "findElement", using="css selector", value="button")
    do(film, machine, "clickElement", id="button")
    shown = film.shown()
    assert [step["words"] for step in shown] == [
        "open http://a/",
        "type 'text' into one",
        "type 'text' into two",
        "click button",
    ]
    pictured = [step.picture[1] for step in film.steps]
    assert pictured == [1, 0, 2, 3]
    assert machine.sent == [
        film_.START, film_.STOP, film_.START, film_.STOP, film_.START,
    ]  # fmt: skip


def test_a_picture_that_was_never_ended_is_ended(film: Film, machine: Machine) -> None:
    active: list[str] = ["by another window"]

    def send(name: str, **given: Any) -> None:
        machine.send(name)
        if name == film_.START and active:
            raise OSError("Screencast is already active")
        active.clear()

    film.load(send, "window")
    do(film, machine, "get", url="http://a/")
    assert machine.sent == [film_.START, film_.STOP, film_.START]
    assert film.steps[0].picture == ("window", 1)


def test_the_picture_is_the_last_before_the_next_step(
    film: Film, machine: Machine
) -> None:
    do(film, machine, "get", url="http://a/")
    machine.now += 2
    do(film, machine, "refresh")
    film.hear(moved("http://a/"), "window")
    film.hear(moved("http://inner/", "1"), "window")
    for when, data in ((5000.0, "early"), (5001.9, "settled"), (5002.5, "next")):
        assert film.hear(frame(1, when, data), "window")
    assert not film.hear({"method": "Network.loadingFailed", "params": {}}, "window")
    film.hear(frame(1, 5003.0, "of another window"), "other")
    film.hear(frame(2, 5010.0, "a"), "window")
    film.hear(frame(2, 5019.0, "z"), "window")
    assert [step["picture"] for step in film.shown()] == ["settled", "z"]
    assert {step["url"] for step in film.shown()} == {"http://a/"}


def test_only_the_last_pictures_and_steps_are_kept(
    film: Film, machine: Machine
) -> None:
    for number in range(1, 100):
        do(film, machine, "get", url=f"http://a/{number}")
        film.hear(frame(number, 5000.0 + number, str(number)), "window")
    shown = film.shown()
    assert len(shown) == film_.STEPS
    assert [one["picture"] for one in shown[-9:]] == ["", *map(str, range(92, 100))]


def test_pictures_take_a_small_part_of_the_time(film: Film, machine: Machine) -> None:
    machine.cost = 0.1
    film.begin()
    for number in range(100):
        do(film, machine, "get", url=f"http://a/{number}")
    assert film.spent <= film_.CREDIT + film_.SHARE * (machine.now - film.began) + 0.2
    assert 10 < len(machine.sent) < 100


def test_a_step_that_fails_says_why(film: Film, machine: Machine) -> None:
    with pytest.raises(ValueError, match="gone"):
        do(film, machine, "clickElement", id="gone")
    with pytest.raises(ValueError, match="no"):
        do(film, machine, "fails")
    [step] = film.shown()
    assert (step["words"], step["failed"]) == ("click", "it is gone")


def test_waiting_is_one_step(film: Film, machine: Machine) -> None:
    for _ in range(5):
        do(film, machine, "w3cExecuteScript", script="look()", args=[])
    assert [(one["words"], one["times"]) for one in film.shown()] == [("run look()", 5)]


def test_what_is_done_beside_a_test_is_no_step(film: Film, machine: Machine) -> None:
    with film.resting():
        do(film, machine, "get", url="http://a/")
    assert film.shown() == []
    assert machine.sent == []
    never = Film(resting=True)
    never.load(machine.send, "")
    do(never, machine, "get", url="http://a/")
    assert never.shown() == []


def test_windows_count_their_own_pictures(film: Film, machine: Machine) -> None:
    do(film, machine, "get", url="http://a/")
    do(film, machine, "switchToWindow", handle="second")
    do(film, machine, "get", url="http://b/")
    do(film, machine, "switchToWindow", handle="window")
    assert [step.picture for step in film.steps] == [
        ("window", 1),
        ("second", 1),
        ("second", 2),
        ("window", 2),
    ]


def test_a_browser_that_takes_no_command_has_words(
    film: Film, machine: Machine
) -> None:
    film.load(None, "")
    do(film, machine, "get", url="http://a/")

    def refuse(name: str, **given: Any) -> None:
        raise OSError(name)

    film.send = refuse
    do(film, machine, "get", url="http://b/")
    assert [step["words"] for step in film.shown()] == [
        "open http://a/",
        "open http://b/",
    ]


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("getCurrentUrl", {}, ""),
        ("w3cExecuteScript", {"script": "return 1"}, ""),
        ("w3cExecuteScript", {"script": "/* isDisplayed */return (…)"}, ""),
        (
            "w3cExecuteScript",
            {"script": "arguments[0]\n  .go()", "args": [SimpleNamespace(id="1"), 2]},
            "run arguments[0] .go() on #name",
        ),
        (
            "w3cExecuteScript",
            {"script": "/* submitForm */…", "args": [SimpleNamespace(id="1")]},
            "submit #name",
        ),
        ("sendKeysToElement", {"id": "1", "text": "abc"}, "type 'abc' into #name"),
        ("sendKeysToElement", {"id": "2", "text": "abc"}, "type ••• into #password"),
        ("w3cAcceptAlert", {}, "accept the alert"),
    ],
)
def test_words(name: str, given: dict[str, Any], words: str) -> None:
    names = Names()
    found = [SimpleNamespace(id="1"), SimpleNamespace(id="0"), None]
    names.learn("findElements", {"value": "#name:not([type=hidden])"}, found)
    names.learn("findElement", {"value": "#password"}, SimpleNamespace(id="2"))
    assert names.words(name, given) == words
    assert names.words("clickElement", {"id": "0"}) == "click #name (2)"


def test_long_texts_are_shortened() -> None:
    assert short("a  b\nc") == "a b c"
    assert len(short("x" * 500)) == 60
