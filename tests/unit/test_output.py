# SPDX-License-Identifier: GPL-3.0-or-later
"""What people see: on a terminal, in a pipe, on CI."""

import io
import re
import threading
import time
from collections.abc import Callable
from itertools import pairwise

import pytest

from harness import output
from harness.errors import ConfigError, HarnessError
from harness.output import Console
from harness.quantities import duration, size
from tests.unit.terminal import Terminal, seen

ERASE = "\r\x1b[2K"


class Clock:
    """Time that passes only when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def plain(clock: Clock | None = None, **environ: str) -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    return Console(stream, environ, clock=clock or Clock()), stream


def live(clock: Clock | None = None, **environ: str) -> tuple[Console, io.StringIO]:
    stream = Terminal()
    return Console(stream, environ, clock=clock or Clock()), stream


# -- words for numbers -----------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-1, "0.00 s"),
        (0, "0.00 s"),
        (0.42, "0.42 s"),
        (0.994, "0.99 s"),
        (0.996, "1.0 s"),
        (3.14, "3.1 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (125, "2 min 05 s"),
        (3599.7, "1 h 00 min"),
        (3725, "1 h 02 min"),
        (90000, "25 h 00 min"),
    ],
)
def test_duration(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (1024**2 - 1, "1.0 MiB"),
        (6 * 1024**3, "6.0 GiB"),
        (5000 * 1024**4, "5000.0 TiB"),
    ],
)
def test_size(count: int, expected: str) -> None:
    assert size(count) == expected


# -- which way of writing --------------------------------------------------


@pytest.mark.parametrize(
    ("make", "environ", "is_live", "has_colour"),
    [
        (live, {"TERM": "xterm"}, True, True),
        (live, {"NO_COLOR": "1"}, True, False),
        (live, {"NO_COLOR": ""}, True, True),
        (live, {"TERM": "dumb"}, False, False),
        (live, {"GITHUB_ACTIONS": "true"}, False, False),
        (plain, {"TERM": "xterm"}, False, False),
    ],
)
def test_modes(
    make: Callable[..., tuple[Console, io.StringIO]],
    environ: dict[str, str],
    is_live: bool,
    has_colour: bool,
) -> None:
    console, stream = make(**environ)
    assert (console.live, console.colour) == (is_live, has_colour)
    console.warn("x")
    with console.step("y") as step:
        step.update("z")
    text = stream.getvalue()
    assert (ERASE in text) == is_live
    assert (re.search(r"\x1b\[[\d;]+m", text) is not None) == has_colour


# -- blocks ----------------------------------------------------------------


def test_header() -> None:
    console, stream = plain()
    console.header("run 17", [("series", "7.0"), ("database", "local"), ("x", "")])
    assert stream.getvalue() == ("run 17\n  series    7.0\n  database  local\n  x\n")


def test_info_and_warn() -> None:
    console, stream = plain()
    console.info("one\ntwo")
    console.warn("beware\nof it")
    assert stream.getvalue() == "one\ntwo\nwarning: beware\n  of it\n"


def test_a_hint_is_replaced_by_what_follows() -> None:
    console, stream = live()
    console.hint("harness test tryton ...")
    assert seen(stream.getvalue()) == ["harness test tryton ..."]
    console.info("series 7.0")
    assert seen(stream.getvalue())[0] == "series 7.0"
    console, stream = plain()
    console.hint("harness test tryton ...")
    assert stream.getvalue() == ""
    console.hint("harness test tryton ...", stays=True)
    assert stream.getvalue() == "harness test tryton ...\n"


def test_error_with_all_its_parts() -> None:
    console, stream = plain()
    error = ConfigError(
        "2 problems:\n  a\n  b", checked="file, variables", remedy="edit"
    )
    console.error(error)
    assert stream.getvalue() == (
        "error: 2 problems:\n"
        "    a\n"
        "    b\n"
        "  checked: file, variables\n"
        "  to mend it: edit\n"
    )


def test_error_without_more() -> None:
    console, stream = plain()
    console.error(HarnessError(""))
    assert stream.getvalue() == "error: \n"


def test_error_in_colour() -> None:
    console, stream = live()
    console.error(HarnessError("no", remedy="yes"))
    assert stream.getvalue().startswith("\x1b[31;1merror:\x1b[0m no\n")


def test_a_stream_that_knows_only_ascii() -> None:
    raw = io.BytesIO()
    console = Console(io.TextIOWrapper(raw, encoding="ascii"), {})
    console.info("Größe → ok")
    assert raw.getvalue() == b"Gr??e ? ok\n"


# -- table -----------------------------------------------------------------


def test_table_is_aligned() -> None:
    console, stream = plain()
    console.table([("base", 5, "a b"), ("demonstration", 1200, "")], ("name", "n", "x"))
    assert stream.getvalue() == (
        "name              n  x\nbase              5  a b\ndemonstration  1200\n"
    )


def test_table_of_nothing() -> None:
    console, stream = plain()
    console.table([], ("name", "n"))
    console.table([], ())
    assert stream.getvalue() == "name  n\n"


def test_table_of_uneven_rows_and_lines() -> None:
    console, stream = plain()
    console.table([("a",), ("b\nc", "d", "e")], ("x", "y"))
    assert stream.getvalue() == "x    y\na\nb c  d  e\n"


def test_table_is_cut_on_a_terminal_only() -> None:
    row = ("n", "x" * 60, "y" * 30)
    console, stream = live(COLUMNS="40", NO_COLOR="1")
    console.table([row], ("a", "b", "c"))
    lines = stream.getvalue().splitlines()
    assert max(map(len, lines)) == 40
    assert lines[1].startswith("n  xxx")
    assert lines[1].count("…") == 2
    console, stream = plain(COLUMNS="40")
    console.table([row], ("a", "b", "c"))
    assert "x" * 60 in stream.getvalue()


def test_table_wider_than_any_terminal() -> None:
    console, stream = live(COLUMNS="10")
    console.table([["abcdefgh"] * 5], ["h"] * 5)
    assert "abc…" in stream.getvalue()


# -- steps in a pipe -------------------------------------------------------


def test_step_is_announced_before_and_closed_after(clock: Clock) -> None:
    console, stream = plain(clock)
    with console.step("template base"):
        assert stream.getvalue() == "template base ...\n"
        clock.now += 3.14
    assert stream.getvalue() == "template base ...\ntemplate base: done in 3.1 s\n"


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (HarnessError("x"), "failed after"),
        (SystemExit(3), "failed after"),
        (KeyboardInterrupt(), "interrupted after"),
    ],
)
def test_step_that_fails(clock: Clock, error: BaseException, verdict: str) -> None:
    console, stream = plain(clock)
    with pytest.raises(type(error)), console.step("build"):
        clock.now += 125
        raise error
    assert stream.getvalue().endswith(f"build: {verdict} 2 min 05 s\n")


def test_progress_in_a_pipe_is_rare(clock: Clock) -> None:
    console, stream = plain(clock)
    with console.step("build") as step:
        for number in range(25):
            clock.now += 1
            step.update(f"module {number}")
        clock.now += 60
        step.update("module 24")
    assert stream.getvalue().splitlines() == [
        "build ...",
        "build: 10.0 s, module 9",
        "build: 20.0 s, module 19",
        "build: done in 1 min 25 s",
    ]


def test_an_update_after_the_end_is_nothing(clock: Clock) -> None:
    console, stream = live(clock)
    with console.step("build") as step:
        pass
    before = stream.getvalue()
    clock.now += 60
    step.update("late")
    assert stream.getvalue() == before


# -- steps on CI -----------------------------------------------------------


def test_github_folds_the_outermost_step(clock: Clock) -> None:
    console, stream = plain(clock, GITHUB_ACTIONS="true")
    with console.step("outer\nstep"):
        console.info("text")
        with console.step("inner"):
            pass
    with console.step("next"):
        pass
    assert stream.getvalue().splitlines() == [
        "::group::outer step",
        "text",
        "inner ...",
        "inner: done in 0.00 s",
        "::endgroup::",
        "outer step: done in 0.00 s",
        "::group::next",
        "::endgroup::",
        "next: done in 0.00 s",
    ]


def test_github_unfolds_before_the_failure_is_told() -> None:
    console, stream = plain(GITHUB_ACTIONS="true")
    with pytest.raises(ConfigError) as caught, console.step("check"):
        raise ConfigError("bad")
    console.error(caught.value)
    assert stream.getvalue().splitlines() == [
        "::group::check",
        "::endgroup::",
        "check: failed after 0.00 s",
        "error: bad",
    ]


# -- steps on a terminal ---------------------------------------------------


def test_live_line(clock: Clock) -> None:
    console, stream = live(clock, COLUMNS="40")
    with console.step("build") as step:
        assert seen(stream.getvalue()) == ["build ... 0.00 s"]
        clock.now += 3.9
        step.update("module\nparty")
        assert seen(stream.getvalue()) == ["build ... 3.9 s module party"]
        clock.now += 120
        step.update("x" * 100)
        (last,) = seen(stream.getvalue())
        assert last.startswith("build ... 2 min 04 s xxx")
        assert len(last) == 37  # a terminal writes ^C behind it
    assert seen(stream.getvalue()) == ["build: done in 2 min 04 s", ""]


def test_live_line_is_drawn_a_few_times_a_second(clock: Clock) -> None:
    console, stream = live(clock)
    with console.step("build") as step:
        for number in range(1000):
            clock.now += 0.001
            step.update(str(number))
    assert 8 <= stream.getvalue().count(ERASE) <= 12


def test_lines_during_a_step_stay(clock: Clock) -> None:
    console, stream = live(clock, NO_COLOR="1")
    with console.step("outer"):
        console.info("hello")
        with console.step("inner"):
            console.warn("hm")
            assert seen(stream.getvalue())[-2:] == [
                "outer ... 0.00 s",
                "inner ... 0.00 s",
            ]
        assert seen(stream.getvalue())[-1] == "outer ... 0.00 s"
    assert seen(stream.getvalue()) == [
        "hello",
        "warning: hm",
        "inner: done in 0.00 s",
        "outer: done in 0.00 s",
        "",
    ]


def test_ticker_moves_the_line_and_is_joined(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "TICK", 0.001)
    drawn = threading.Event()

    class Watched(Terminal):
        def write(self, text: str) -> int:
            if "build ... 7.0 s" in text:
                drawn.set()
            return super().write(text)

    before = threading.active_count()
    console = Console(Watched(), {}, clock=clock)
    with pytest.raises(HarnessError), console.step("build", ticker=True):
        clock.now += 7
        assert drawn.wait(10)
        raise HarnessError("x")
    assert threading.active_count() == before


def test_ticker_is_not_started_in_a_pipe() -> None:
    console, _ = plain()
    before = threading.active_count()
    with console.step("build", ticker=True):
        assert threading.active_count() == before


# -- threads ---------------------------------------------------------------


def in_threads(work: Callable[[int], None]) -> None:
    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Slow(io.StringIO):
    """A stream in whose middle of a write another thread gets its turn."""

    def write(self, text: str) -> int:
        middle = len(text) // 2
        super().write(text[:middle])
        time.sleep(0.00001)
        super().write(text[middle:])
        return len(text)


class SlowTerminal(Slow, Terminal):
    pass


@pytest.mark.parametrize("kind", [Slow, SlowTerminal])
def test_threads_do_not_mix_lines(kind: type[Slow]) -> None:
    stream = kind()
    console = Console(stream, {"NO_COLOR": "1"}, clock=Clock())

    def work(number: int) -> None:
        for turn in range(20):
            with console.step(f"step {number}.{turn}") as step:
                step.update("x")
                console.info(f"a {number}\nb {number}")

    in_threads(work)
    lines = seen(stream.getvalue())
    assert lines.pop() == ""
    pattern = r"a \d|b \d|step [\d.]+ \.\.\.|step [\d.]+: done in 0\.00 s"
    assert all(re.fullmatch(pattern, line) for line in lines)
    for first, second in pairwise(lines):
        if first.startswith("a "):
            assert second == first.replace("a", "b")
    assert sum(": done in" in line for line in lines) == 160
