# SPDX-License-Identifier: GPL-3.0-or-later
"""What is seen of code that runs, without the process's own imports being changed."""

import ast
import builtins
import importlib
import inspect
import linecache
import os
import sys
import textwrap
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

import pytest

from harness.plugins.trace import events, imports, instrument, names, skeleton
from harness.plugins.trace.facts import unlisted
from harness.plugins.trace.observing import Observer, TraceSection

Load = Callable[..., Any]


@pytest.fixture
def observer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Observer:
    made = Observer(str(tmp_path), [str(tmp_path / "src")], ["/nowhere"], "")
    made.own = made.now.own = ("own",)
    for name in (instrument.SEEN, instrument.KEEPS):
        monkeypatch.setattr(builtins, name, None, raising=False)
    made.listen()
    loader: Any = SourceFileLoader
    for name in ("get_code", "exec_module"):
        monkeypatch.setattr(loader, name, getattr(loader, name))
    monkeypatch.setattr(imports, "_follow_pytest", lambda *_: None)
    monkeypatch.setattr(builtins, "__import__", builtins.__import__)
    finder: Any = importlib._bootstrap  # type: ignore[attr-defined]
    monkeypatch.setattr(finder, "_gcd_import", finder._gcd_import)
    imports.follow(made)
    return made


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Write modules of the package ``own``, and import the last one."""
    monkeypatch.syspath_prepend(str(tmp_path / "src"))
    known = set(sys.modules)

    def make(**files: str) -> Any:
        package = tmp_path / "src/own"
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").touch()
        for name, text in files.items():
            (package / f"{name}.py").write_text(textwrap.dedent(text))
        importlib.invalidate_caches()
        return importlib.import_module(f"own.{list(files)[-1]}")

    yield make
    for name in set(sys.modules) - known:
        del sys.modules[name]


def seen(observer: Observer, call: Callable[[], object]) -> set[str]:
    section = TraceSection(observer).begin()
    try:
        call()
    finally:
        found = section.end()
    return {one.replace("src/own/", "") for one in found}


def needed(observer: Observer, call: Callable[[], object]) -> set[str]:
    """What is seen, with all that this needs."""
    section = TraceSection(observer).begin()
    call()
    return {one.replace("src/own/", "") for one in observer.trace(section.end())}


def test_functions_that_are_entered(observer: Observer, load: Load) -> None:
    one = load(
        one="""
        def f(a):
            "Doc."
            return g() if a else 1

        def g():
            return list(h())

        def h():
            def inner():
                return 1
            yield inner()

        class A:
            def f(self):
                pass
        """
    )
    assert seen(observer, lambda: one.f(0)) == {"function one.py:f"}
    assert seen(observer, lambda: one.f(1)) == {
        "function one.py:f", "function one.py:g", "function one.py:h",
    }  # fmt: skip
    assert seen(observer, one.h) == set()  # nothing of it runs
    assert seen(observer, one.A().f) == {"function one.py:A.f"}
    assert one.f.__doc__ == "Doc."
    assert one.f.__code__.co_firstlineno == 2


def test_a_traceback_names_the_lines_of_the_source(
    observer: Observer, load: Load
) -> None:
    one = load(one="def f():\n    'Doc.'\n    return 1 / 0\n")
    with pytest.raises(ZeroDivisionError) as error:
        one.f()
    assert error.traceback[-1].lineno == 2


def test_of_a_file_that_sees_code_all_counts(observer: Observer, load: Load) -> None:
    one = load(one="import inspect\ndef f(): pass\n")
    assert seen(observer, one.f) == {"function one.py:f"}
    assert "file one.py" in needed(observer, one.f)
    trace = observer.trace({"file src/own/one.py"})
    content = skeleton.digest(b"import inspect\ndef f(): pass\n")
    assert trace["file src/own/one.py"] == content


def test_what_an_import_needs(observer: Observer, load: Load) -> None:
    """Also of what was imported before."""
    load(low="X = 1\ndef f(): pass\n", other="")
    one = load(
        mid="from . import low\nlow.f()\n",
        one="from own.mid import low\ndef f(): pass\n",
    )
    found = observer.needs.all({"function src/own/one.py:f"})
    assert found == {
        "function src/own/one.py:f", "module src/own/one.py", "module src/own/mid.py",
        "module src/own/low.py", "function src/own/low.py:f",
        "module src/own/__init__.py",
    }  # fmt: skip
    assert one


def test_a_module_that_is_not_there_counts(observer: Observer, load: Load) -> None:
    """It may come; a name that a package has is no module."""
    text = "try:\n    from . import more\nexcept ImportError:\n    more = None\n"
    load(
        low="X = 1\n",
        two=text + "from .low import X\ntry:\n    import top\nexcept ImportError: 1\n",
    )
    found = observer.needs.all({"module src/own/two.py"})
    places = {one for one in found if one.startswith("place ")}
    assert places == {
        "place src/own/more.py", "place src/own/more", "place src/top.py",
        "place src/top",
    }  # fmt: skip
    assert set(observer.trace(places).values()) == {""}


def test_what_a_module_needs_is_found_anew_where_there_are_others(
    observer: Observer, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(one="try:\n    import top\nexcept ImportError: pass\ndef f(): pass\n")
    fact, absent = "function src/own/one.py:f", "place src/top.py"
    assert absent in observer.needs.all({fact})
    known = dict(observer.needs._own)
    monkeypatch.setitem(sys.modules, "chaos_elsewhere", sys)
    assert absent in observer.needs.all({fact})
    assert all(observer.needs._own[name] is one for name, one in known.items())
    monkeypatch.setitem(sys.modules, "top", sys)
    assert absent not in observer.needs.all({fact})
    monkeypatch.delitem(sys.modules, "top")
    assert absent in observer.needs.all({fact})


def test_digests_are_those_of_what_was_imported(
    observer: Observer, load: Load, tmp_path: Path
) -> None:
    load(one="def f():\n    return 1\n")
    (tmp_path / "src/own/one.py").write_text("def f():\n    return 2\n")
    trace = observer.trace({"function src/own/one.py:f"})
    assert trace.changed(observer.now) == ["src/own/one.py: f() changed"]


def test_sections_are_nested(observer: Observer, load: Load) -> None:
    one = load(one="def f(): pass\ndef g(): pass\n")
    inner: list[set[str]] = []

    def outer() -> None:
        one.f()
        inner.append(seen(observer, one.g))

    assert seen(observer, outer) == {"function one.py:f"}
    assert inner == [{"function one.py:g"}]


MODULE = "module src/own/one.py"
LEAVING = """
from functools import lru_cache
from own import library
from own.library import memo, shared, Other
ALIAS = shared
KNOWN = {}
TWICE = {}
TWICE = shared
BOUND = None
@memo
class Shown:
    value = None
class Thing:
    value = None
    items = []
    def fill(self):
        if self.value is None:
            self.value = g()
    def turn(self):
        type(self).value = g()
    def collect(self):
        self.items.append(g())
    def put(self):
        self.items[0:] = [g()]
    def own(self):
        self.found = []
        self.found.append(g())
    def swap(self):
        self.__class__.value = g()
    @classmethod
    def change(cls):
        cls.value = g()
    @classmethod
    def mutate(cls):
        cls.items.append(g())
    @staticmethod
    def of(thing):
        if thing.value is None:
            thing.value = g()
    @lru_cache(maxsize=None)
    def cached(self):
        return g()
def made():
    return Thing().cached()
class Sub(Other):
    pass
@lru_cache(maxsize=None)
def cached():
    return g()
@memo
def elsewhere():
    return g()
def g():
    return 1
def bind():
    global BOUND
    BOUND = shared
def f():
    BODY
def other():
    known = {}
    known[1] = 2
"""


@pytest.fixture
def left(observer: Observer, load: Load) -> Callable[[str, str], list[bool]]:
    """Who needs what a call sees: a test of the same module, of one that imports it,
    and one of a module that knows nothing of it."""

    def find(body: str, call: str) -> list[bool]:
        library = "shared = {}\nclass Other: pass\ndef memo(thing): return thing\n"
        load(library=library)
        one = load(one=LEAVING.replace("BODY", body))
        user = load(two="def h():\n    from own.one import g\n")
        stranger = load(three="def h(): pass\n")
        thing = {"one": one, "made": one.Thing()}
        assert "function one.py:g" in seen(observer, lambda: eval(call, thing))
        later = (needed(observer, do) for do in (one.other, user.h, stranger.h))
        return ["function one.py:g" in facts for facts in later]

    return find


@pytest.mark.parametrize(
    "body",
    [
        "Thing.value = g()",
        "Thing.value = KNOWN[1] = g()",
        "setattr(Thing, 'value', g())",
        "if Thing.value is None: Thing.value = g()",
    ],
)
def test_what_stays_in_a_module_counts_for_who_has_it(
    left: Callable[[str, str], list[bool]], body: str
) -> None:
    assert left(body, "one.f()") == [True, True, False]


@pytest.mark.parametrize(
    "call",
    [
        "made.fill()",
        "made.turn()",
        "made.swap()",
        "made.collect()",
        "made.put()",
        "one.Thing.change()",
        "one.made()",
    ],
)
def test_so_does_what_an_object_or_a_cache_of_it_remembers(
    left: Callable[[str, str], list[bool]], call: str
) -> None:
    assert left("pass", call) == [True, True, False]


READERS = """
from own import one
from own.one import cached, KNOWN
from own.one import g as other
import sys
def plain(): return other()
def attribute(): return one.KNOWN, one.cached
def name(): return cached(), KNOWN
def asked(): return getattr(one, 'KNOWN'), getattr(one, 'cached')
def some(name): return getattr(one, name)
def text(): return 'own.one:KNOWN', 'own.one:cached'
def handed(): return patch(one)
def late():
    from own.one import cached as c, KNOWN as k
    return c, k
def modules(): return sys.modules
"""


@pytest.mark.parametrize(
    ("body", "call"),
    [
        ("global KNOWN; KNOWN = g()", "one.f()"),
        ("KNOWN[1] = g()", "one.f()"),
        ("KNOWN.setdefault(1, g())", "one.f()"),
        ("pass", "one.cached()"),
    ],
)
def test_what_has_a_name_counts_for_who_mentions_it(
    left: Callable[[str, str], list[bool]],
    observer: Observer,
    load: Load,
    body: str,
    call: str,
) -> None:
    assert left(body, call) == [False, False, False]
    load(four=READERS)
    load(five="from own import one\nBOTH = one.cached, one.KNOWN\n")

    def sees(*marks: str) -> bool:
        return "function src/own/one.py:g" in observer.trace(marks)

    readers = [one.name for one in ast.parse(READERS).body if hasattr(one, "name")]
    found = {name for name in readers if sees(f"function src/own/four.py:{name}")}
    assert found == {*readers} - {"plain"}
    assert not sees("module src/own/four.py")
    assert sees("module src/own/five.py")
    assert sees(MODULE, "all src/own/one.py")
    assert sees(MODULE, "all *")
    assert not sees("all *")  # nothing there has that module


@pytest.mark.parametrize(
    ("body", "call"),
    [
        ("library.value = g()", "one.f()"),
        ("shared[1] = g()", "one.f()"),
        ("ALIAS[1] = g()", "one.f()"),
        ("TWICE[1] = g()", "one.f()"),
        ("KNOWN[1][2] = g()", "one.KNOWN.update({1: {}}) or one.f()"),
        ("Thing.items.append(g())", "one.f()"),
        ("Shown.value = g()", "one.f()"),
        ("BOUND[1] = g()", "one.bind() or one.f()"),
        ("global BOUND; BOUND = shared; BOUND[1] = g()", "one.f()"),
        ("type(Thing()).value = g()", "one.f()"),
        ("thing = Thing(); thing.__class__.value = g()", "one.f()"),
        ("pass", "one.Thing.mutate()"),
        ("pass", "one.Thing.of(made)"),
        ("pass", "one.elsewhere()"),
    ],
)
def test_what_may_stay_elsewhere_counts_for_all_that_comes_later(
    left: Callable[[str, str], list[bool]], body: str, call: str
) -> None:
    assert left(body, call) == [True, True, True]


def test_what_an_object_has_for_itself_is_for_who_has_made_it(
    left: Callable[[str, str], list[bool]],
) -> None:
    assert left("pass", "made.own()") == [False, False, False]


def test_what_is_left_may_need_what_another_module_was_left(
    observer: Observer, load: Load
) -> None:
    """A module's cache has what another's has remembered."""
    cached = "from functools import cache\n@cache\ndef f(): return g()\n"
    load(one=f"{cached}def g(): pass\n")
    two = load(
        two="""
        from functools import lru_cache
        @lru_cache
        def f():
            from own import one
            return one.f()
        """
    )
    user = load(three="def h():\n    from own import two\n    return two.f()\n")
    more = load(four="def h():\n    from own import two\n")
    seen(observer, two.f)
    assert "function two.py:f" not in seen(observer, user.h)
    facts = needed(observer, user.h)
    assert {"function two.py:f", "function one.py:g"} <= facts
    assert "function one.py:g" not in needed(observer, more.h)


def test_what_a_class_is_set_up_with_is_for_its_tests(
    observer: Observer, load: Load
) -> None:
    """The plugin knows for which: it is a fixture."""
    one = load(
        one="""
        class TestA:
            @classmethod
            def setup_class(cls):
                cls.thing = 1
        """
    )
    assert seen(observer, one.TestA.setup_class)
    assert not seen(observer, lambda: None)


def test_so_does_what_a_cache_remembers(observer: Observer, load: Load) -> None:
    one = load(
        one="""
        from functools import lru_cache
        @lru_cache(maxsize=None)
        def f():
            "Doc."
            return g()
        def g():
            return 1
        class A:
            x = None
            def f(self):
                if self.x is None:
                    self.x = g()
                return self.x
            @classmethod
            def __setup__(cls):
                yield g()
        """
    )
    assert one.f() == one.A().f() == 1
    assert list(one.A.__setup__()) == [1]
    assert seen(observer, one.f) == {"function one.py:A.__setup__"}
    facts = {"function one.py:g", "function one.py:A.f", "function one.py:A.__setup__"}
    assert needed(observer, one.f) >= facts
    user = load(two="def h():\n    from own import one\n    return one.f()\n")
    assert needed(observer, user.h) >= {"function one.py:f", *facts}


LEFT = """
def keep(f):
    known = []
    def inner():
        if not known: known.append(f())
        return known[0]
    return inner
@keep
def f(): return g()
def g(): return 1
class Thing:
    def h(self):
        if not hasattr(self, 'x'): self.x = g()
        return self.x
THING = Thing()
def h(): return THING.h()
"""


@pytest.mark.parametrize("name", ["f", "h"])
def test_so_does_what_a_closure_or_an_object_remembers(
    observer: Observer, load: Load, name: str
) -> None:
    one = load(one=LEFT)
    getattr(one, name)()
    assert "function one.py:g" not in seen(observer, getattr(one, name))
    assert "function one.py:g" in needed(observer, getattr(one, name))


def test_a_generator_is_seen_when_it_goes_on(observer: Observer, load: Load) -> None:
    one = load(
        one="""
        def f(more):
            found = yield 1
            yield found
            yield from more
        def g(): pass
        """
    )
    made = one.f([3])
    entered = {"function one.py:f"}
    values: list[object] = []
    for step in (made.__next__, lambda: made.send(2), made.__next__):
        assert seen(observer, lambda step=step: values.append(step())) == entered
    assert values == [1, 2, 3]
    assert not seen(observer, one.g) & entered


def test_what_an_import_leaves_in_another_module_counts_for_who_sees_it(
    observer: Observer, load: Load
) -> None:
    one = load(
        one="""
        KNOWN = []
        def register(f):
            KNOWN.append(f)
            return f
        def f(): return KNOWN
        def idle(): pass
        """
    )
    load(two="from .one import register\n@register\ndef g(): pass\n")
    assert "module two.py" in needed(observer, one.f)
    assert "module two.py" not in needed(observer, one.idle)
    load(three="from .one import KNOWN\nKNOWN.append(1)\n")
    assert "module three.py" in needed(observer, one.idle)
    load(four="import os\nfrom .one import KNOWN\nMINE = []\nMINE.append(KNOWN)\n")
    assert "module four.py" not in needed(observer, one.idle)


def test_a_module_that_a_test_imports_stays(observer: Observer, load: Load) -> None:
    one = load(two="", one="def f():\n    from . import three\n")
    (Path(one.__file__).with_name("three.py")).touch()
    observer.lasting = True
    assert seen(observer, one.f) == {"function one.py:f", "module three.py"}
    assert seen(observer, lambda: None) == {"module three.py"}


@pytest.mark.parametrize(
    "ask",
    [
        "__import__('own.two')",
        "__import__('own', fromlist=['two'])",
        "importlib.import_module('own.two')",
        "importlib.import_module('.two', 'own')",
    ],
)
def test_a_module_that_is_there_counts_for_who_asks_for_it_by_name(
    observer: Observer, load: Load, ask: str
) -> None:
    """Somebody else has imported it; what was left in it counts, too."""
    one = load(
        two="KNOWN = {}\ndef f(): KNOWN[1] = g()\ndef g(): pass\n",
        one=f"import importlib, sys\ndef ask(): {ask}\ndef no(): pass\n",
    )
    two = importlib.import_module("own.two")
    seen(observer, two.f)
    assert "module two.py" not in needed(observer, one.no)
    assert {"module two.py", "function two.py:g"} <= needed(observer, one.ask)


STATED = """
import importlib, pickle, pytest
from importlib.util import module_from_spec, spec_from_file_location
def states():
    import own.two
    from own import two
def finds(): importlib.import_module('own.two')
def loads(path):
    spec = spec_from_file_location('own.two', path)
    spec.loader.exec_module(module_from_spec(spec))
def unpickles(): return pickle.loads(b'cown.two\\nA\\n.')
def skips(): return pytest.importorskip('own.two')
def patches(monkeypatch): monkeypatch.setattr('own.two.%s' % 'A', 1)
"""
LIBRARY = """
def asks(): __import__('own.two')
def resolves(text): return __import__(text.partition('.')[0])
"""


def test_who_may_read_all_of_a_module(
    observer: Observer, load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A statement of the sources says what it reads; nobody knows of others."""
    one = load(two="A = 1\n", one=STATED)
    place = tmp_path / "site-packages"
    place.mkdir()
    (place / "asking.py").write_text(LIBRARY)
    (place / "holding.py").write_text("from own.two import A\n")
    monkeypatch.syspath_prepend(str(place))
    asking = importlib.import_module("asking")
    path = str(tmp_path / "src/own/two.py")
    monkeypatch.setattr(observer, "covers", lambda path: "/src/own/" in path)
    whole = "all two.py"
    assert "module two.py" in seen(observer, one.states)
    assert whole not in seen(observer, one.states)
    assert whole in seen(observer, one.finds)
    assert whole in seen(observer, lambda: one.loads(path))
    assert whole in seen(observer, asking.asks)
    assert whole in seen(observer, lambda: asking.resolves("own.two.A"))
    assert whole not in seen(observer, lambda: asking.resolves("own.one"))
    assert whole in seen(observer, one.unpickles)
    assert whole in seen(observer, one.skips)
    assert whole in seen(observer, lambda: one.patches(monkeypatch))
    assert whole not in seen(observer, lambda: None)
    for name in ("asking", "holding"):
        sys.modules.pop(name, None)
    assert whole in seen(observer, lambda: importlib.import_module("holding"))
    assert whole in seen(observer, lambda: None)  # it has what it has imported
    sys.modules.pop("holding")


def test_a_module_brings_its_members(observer: Observer, load: Load) -> None:
    load(one="A = 1\ndef f(): pass\nB = f()\n")
    trace = observer.trace({"function src/own/one.py:f"})
    assert list(unlisted(trace["members src/own/one.py"])) == ["A", "f"]


def test_a_project_below_what_is_apart_is_looked_at(tmp_path: Path) -> None:
    """As one in the state directory, where a test has made it."""
    project, beside = tmp_path / "state/project", tmp_path / "state/project/reports"
    made = Observer(str(project), [], [str(tmp_path / "state"), str(beside)], "")
    assert made.covers(str(project / "a.py"))
    assert not made.covers(str(beside / "a.py"))
    assert not made.covers(str(tmp_path / "state/envs/a.py"))


# -- events ------------------------------------------------------------------


@pytest.fixture
def listener(observer: Observer) -> events.SourceEvents:
    return events.SourceEvents(observer)


def heard(
    observer: Observer,
    listener: events.SourceEvents,
    load: Load,
    event: str,
    *given: Any,
) -> set[str]:
    """What is noted of an event that a source causes."""
    one = load(cause="def f(hear, *given):\n    hear(*given)\n")
    found = seen(observer, lambda: one.f(listener.hear, event, given))
    return found - {"function cause.py:f"}


@pytest.mark.parametrize(
    ("event", "given", "expected"),
    [
        ("open", ("a.csv", "r", 0), {"file a.csv"}),
        ("open", (b"a.csv", "rb", 0), {"file a.csv"}),
        ("open", ("a.csv", None, os.O_RDONLY), {"file a.csv"}),
        ("open", ("a.pyc", "rb", 0), set()),
        ("open", (3, "rb", 0), set()),
        ("open", ("/elsewhere/a.csv", "r", 0), set()),
        ("open", ("x/site-packages/a.csv", "r", 0), set()),
        ("open", ("a.csv", "w", 0), set()),
        ("open", ("a.csv", None, os.O_WRONLY | os.O_CREAT), set()),
        ("os.listdir", ("below",), {"directory below"}),
        ("os.scandir", (None,), {"directory ."}),
        ("os.fork", (), {"tree src"}),
        ("os.system", ("ls",), {"tree src"}),
        ("subprocess.Popen", ("python3", ["python3", "-c", "1"]), {"tree src"}),
        ("subprocess.Popen", (sys.executable, ["x"]), {"tree src"}),
        ("subprocess.Popen", ("ffprobe", ["ffprobe", "cause.txt"]), set()),
        ("import", ("a",), set()),
        ("exec", (compile("1", "<doctest a.rst[0]>", "single"),), {"all *"}),
        ("exec", (compile("1", "<string>", "exec"),), set()),
    ],
)
def test_events(
    observer: Observer,
    listener: events.SourceEvents,
    load: Load,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    event: str,
    given: tuple[Any, ...],
    expected: set[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert heard(observer, listener, load, event, *given) == expected


@pytest.mark.parametrize(("package", "stays"), [("jinja2", True), ("babel", False)])
def test_what_a_package_reads_stays_unless_it_hands_it_on(
    observer: Observer, listener: events.SourceEvents, package: str, *, stays: bool
) -> None:
    code = compile("hear('open', given)", f"/site-packages/{package}/a.py", "exec")
    given = (str(Path(observer.root) / "a.txt"), "r", 0)
    does = {"hear": listener.hear, "given": given}
    assert seen(observer, lambda: exec(code, does)) == {"file a.txt"}
    assert seen(observer, lambda: None) == ({"file a.txt"} if stays else set())
    assert bool(seen(observer, lambda: exec(code, does)))


@pytest.mark.parametrize(
    ("package", "expected"),
    [("pkg_resources", set()), ("alembic", {"directory below"})],
)
def test_who_looks_for_what_is_installed_depends_on_no_directory(
    observer: Observer,
    listener: events.SourceEvents,
    package: str,
    expected: set[str],
) -> None:
    code = compile(
        "hear('os.listdir', given)", f"/site-packages/{package}/a.py", "exec"
    )
    given = (str(Path(observer.root) / "below"),)
    does = {"hear": listener.hear, "given": given}
    assert seen(observer, lambda: exec(code, does)) == expected


def test_where_a_file_is_is_known_by_its_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b/c").symlink_to("d")
    for given in ("a/c", "a/d", "a/..", "a/../b/x", "a", "a/.", "b/c/"):
        path = f"{tmp_path}/{given}"
        assert names.real(path) == os.path.realpath(path)
    for place in ("a", "."):
        monkeypatch.chdir(tmp_path / place)
        assert names.real("x") == os.path.realpath("x")


def test_who_looks_for_a_file_or_a_variable_is_heard(
    observer: Observer, load: Load, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By everybody's `os`, whatever the plugins have kept of it for themselves."""
    monkeypatch.setattr(sys, "addaudithook", lambda hook: None)
    monkeypatch.setattr(os, "stat", os.stat)
    monkeypatch.setattr(os.environ, "__class__", type(os.environ))
    events.follow(observer)
    one = load(one="import os\ndef f(x): return os.path.exists(x), os.environ.get('X')")
    found = seen(observer, lambda: one.f(str(tmp_path / "a.csv")))
    assert {"place a.csv", "variable X"} <= found


def test_a_file_that_is_named_to_a_program_counts(
    observer: Observer, listener: events.SourceEvents, load: Load, tmp_path: Path
) -> None:
    (tmp_path / "a.wav").touch()
    argv = ["ffprobe", str(tmp_path / "a.wav")]
    found = heard(observer, listener, load, "subprocess.Popen", "ffprobe", argv)
    assert found == {"file a.wav"}


def test_what_is_edited_while_tests_run_counts_as_it_was_first_read(
    observer: Observer, listener: events.SourceEvents, load: Load, tmp_path: Path
) -> None:
    """The process may know it by heart, as a template engine does."""
    path = tmp_path / "a.csv"
    path.write_text("1")
    mark = heard(observer, listener, load, "open", str(path), "r", 0)
    before = observer.trace(mark)
    path.write_text("2")
    assert observer.trace(mark) == before
    path.unlink()
    assert observer.trace(mark) == before


def test_what_was_written_was_not_there_before(
    observer: Observer, listener: events.SourceEvents, load: Load, tmp_path: Path
) -> None:
    path = str(tmp_path / "made.txt")
    heard(observer, listener, load, "open", path, "w", 0)
    assert heard(observer, listener, load, "open", path, "r", 0) == {"file made.txt"}
    assert observer.trace({"file made.txt"}) == {}


def test_what_nobody_of_the_sources_causes_is_nothing(
    observer: Observer, listener: events.SourceEvents, tmp_path: Path
) -> None:
    """Here pytest would be the cause, if this test were not below the project."""
    observer.quiet = 1
    arguments = (str(tmp_path / "a.csv"), "r", 0)
    assert seen(observer, lambda: listener.hear("open", arguments)) == set()


def test_who_looks_at_the_code_of_a_source(
    observer: Observer, listener: events.SourceEvents, load: Load
) -> None:
    one = load(one="def f(): pass\n")
    found = heard(observer, listener, load, "object.__getattr__", one.f, "__code__")
    assert found == {"file one.py"}
    assert heard(observer, listener, load, "object.__getattr__", 1, "f_code") == set()


UPDATE = """
def update(filename, *rest):
    hear("open", (filename, "rb", 0))
    return real(filename, *rest)
"""


def test_who_reads_a_source_by_inspect_depends_on_it(
    observer: Observer, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And so does who comes later: `linecache` remembers it."""
    one = load(
        two="def g(): pass\n", one="from . import two\ndef f(get):\n    get(two.g)\n"
    )
    listener = events.SourceEvents(observer)
    told = {"hear": listener.hear, "real": linecache.updatecache}
    exec(compile(UPDATE, events.LINES, "exec"), told)
    monkeypatch.setattr(linecache, "updatecache", told["update"])
    linecache.clearcache()

    def show(function: Any) -> None:
        inspect.getframeinfo(sys._getframe(1))

    assert "file one.py" not in seen(observer, lambda: one.f(show))
    assert "file two.py" in seen(observer, lambda: one.f(inspect.getsource))
    assert "file two.py" in seen(observer, lambda: None)


LOADER = """
def get_data(hear, path):
    hear("open", (path, "rb", 0))

def get_source(hear, path):
    get_data(hear, path)

def exec_module(hear, path):
    get_source(hear, path)
"""


def test_who_asks_a_loader_for_a_source_depends_on_it(
    observer: Observer, load: Load, tmp_path: Path
) -> None:
    """The import system asks, too: that is none of who imports."""
    text = "def f(get, *args):\n    return get(*args)\n"
    one = load(two="def g(): pass\n", one="from . import two\n" + text)
    loader = importlib.import_module("own.two").__loader__
    assert "file two.py" in seen(observer, lambda: one.f(loader.get_code, "own.two"))
    told: dict[str, Any] = {}
    exec(compile(LOADER, "<frozen importlib._bootstrap_external>", "exec"), told)
    hear = events.SourceEvents(observer).hear
    path = str(tmp_path / "src/own/data.txt")
    for name, noted in (("get_data", 1), ("get_source", 1), ("exec_module", 0)):
        found = seen(observer, lambda name=name: one.f(told[name], hear, path))
        assert ("file data.txt" in found) == noted, name


def test_variables(
    observer: Observer, listener: events.SourceEvents, load: Load
) -> None:
    one = load(one="def f(hear, name):\n    hear(name)\n")

    def found(name: str) -> set[str]:
        return seen(observer, lambda: one.f(listener.variable, name))

    assert "variable PLACE" in found("PLACE")
    for name in ("HARNESS_BROKER", "PWD", "TMUX_PANE", "VSCODE_PID"):
        assert found(name) == {"function one.py:f"}
    assert "variable WINDOW_SIZE" in found("WINDOW_SIZE")


def test_a_variable_counts_as_it_was_handed_to_the_process(
    observer: Observer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A round of a watch is a fork of a process whose libraries have set some."""
    monkeypatch.setitem(observer.environ, "TZ", "UTC")
    observer.handed({"PLACE": "digest"})
    marks = {"variable TZ", "variable PLACE"}
    assert observer.trace(marks) == {"variable TZ": "", "variable PLACE": "digest"}
