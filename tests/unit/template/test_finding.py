# SPDX-License-Identifier: GPL-3.0-or-later
"""Which template serves for a layer whose sources have changed since it was built."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.errors import Superseded, TemplateError
from harness.plugins.trace.facts import Now
from harness.template.base import Draft, Manifest, Seen
from harness.template.build import TemplateBuilder
from harness.template.facts import Facts
from harness.template.finding import Finder
from harness.template.layer import Layer, make, with_undo

MEMBERS = "members alpha/alpha.py"
CODE = """\
SIZE = {size}

def entered():
    return {entered}

def never():
    return {never}

def later():
    return {later}
"""
VIEW = "view form alpha/view/form.xml"
WORDS = {"size": "1", "entered": "1", "never": "1", "later": "1"}


class Memory:
    """A shelf, and what fills it: `order` sees what `seen` says of a layer."""

    kind = "memory"

    def __init__(self) -> None:
        self.kept: dict[str, Manifest] = {}
        self.built: list[str] = []
        self.stood: list[str] = []
        self.seen: dict[str, tuple[str, ...]] = {}
        self.now: Any = None
        self.meanwhile: Callable[[], None] = lambda: None
        self.killed = False
        self.said: list[tuple[str, ...]] = []
        """What has changed, of each layer that was built."""

    def use(self, digest: str) -> None:
        """Nobody removes anything."""

    def find(self, digest: str) -> Manifest | None:
        return self.kept.get(digest)

    def all(self) -> tuple[Manifest, ...]:
        return tuple(self.kept.values())

    def claim(self, digest: str, **more: object) -> nullcontext[None]:
        return nullcontext()

    def draft(self, layer: Layer) -> Draft:
        self.stood.append(layer.parent.digest if layer.parent else "")
        return Draft(layer=layer, database=layer.name)

    def publish(self, draft: Draft, manifest: Manifest) -> Manifest:
        assert manifest.digest == draft.layer.digest
        self.kept[manifest.digest] = manifest
        return manifest

    def discard(self, draft: Draft) -> None:
        self.built.remove(draft.layer.name)

    def track(self, draft: Draft) -> None:
        self.built.append(draft.layer.name)

    def __enter__(self) -> "Memory":
        return self

    def __exit__(self, *rest: object) -> None:
        self.kill()

    def kill(self) -> None:
        self.killed = True

    def order(self, order: Mapping[str, Any], *, layer: Layer, **more: object) -> Seen:
        self.built.append(layer.name)
        self.meanwhile()
        facts = self.seen.get(layer.name)
        trace = {one: self.now.digest(one) for one in facts} if facts else None
        return Seen(trace=trace)


class Bench:
    """Sources of one module, and a script on it; each `builder` is another run's."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.memory = Memory()
        self.environ: dict[str, str] = {}
        self.reader = ""
        """The layer whose code reads XML."""
        self.passing = lambda facts: True
        (root / "alpha/view").mkdir(parents=True)
        self.write("alpha/__init__.py", "")
        self.write("alpha/alpha.xml", "<a/>")
        self.write("alpha/view/form.xml", "<a/>")
        self.write("alpha/de.po", "a")
        self.code()
        module = ("module alpha/__init__.py", "module alpha/alpha.py", MEMBERS)
        entered = "function alpha/alpha.py:entered"
        self.memory.seen = {
            "base": module,
            "alpha": (*module, entered, "file alpha/alpha.xml", VIEW),
            "script": (*module, entered, "function alpha/alpha.py:later"),
        }

    def write(self, name: str, text: str) -> None:
        (self.root / name).write_text(text)

    def code(self, **words: str) -> None:
        self.write("alpha/alpha.py", CODE.format(**{**WORDS, **words}))

    def layer(self) -> Layer:
        """The script's, as the sources are now."""

        def nothing() -> Facts:
            return Facts(site=self.root)

        def sources() -> Facts:
            facts = nothing()
            facts.shipped("file alpha", self.root / "alpha")
            facts.code.extend([b"from lxml import etree"] * (self.reader == "alpha"))
            return facts

        def script() -> Facts:
            facts = nothing()
            facts.code.extend([b"from lxml import etree"] * (self.reader == "script"))
            return facts

        base = make("base", None, nothing, language="en")
        alpha = make("alpha", base, sources, modules=("alpha",))
        return make("script", alpha, script)

    def builder(self, *, exact: bool = False) -> TemplateBuilder:
        self.memory.now = now = Now(
            str(self.root), environ=self.environ, views=self.views
        )
        shelf: Any = self.memory
        return TemplateBuilder(
            shelf, lambda: shelf, series="7.0", deadline=1.0,
            listener=lambda one: self.memory.said.extend([one.why] * bool(one.why)),
            finder=Finder(shelf=shelf, now=now, exact=exact),
        )  # fmt: skip

    def views(self, facts: Iterable[str]) -> bool:
        assert list(facts) == [VIEW]
        return self.passing(facts)

    def build(self, layer: Layer | None = None, *, exact: bool = False) -> list[str]:
        """Have the template of the script; the layers that were built for it."""
        self.memory.built.clear()
        self.memory.stood.clear()
        self.builder(exact=exact).ensure(layer or self.layer())
        return list(self.memory.built)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path)
    assert made.build() == ["base", "alpha", "script"]
    assert made.build() == []
    return made


def test_what_no_build_has_entered_builds_nothing(bench: Bench) -> None:
    bench.code(never="2")
    assert bench.build() == []
    bench.write("alpha/de.po", "b")
    assert bench.build() == []


@pytest.mark.parametrize("words", [{"size": "2"}, {"entered": "2"}])
def test_what_was_entered_is_built_with_all_above(
    bench: Bench, words: dict[str, str]
) -> None:
    bench.code(**words)
    assert bench.build() == ["alpha", "script"]
    assert bench.build() == []


@pytest.mark.parametrize("name", ["alpha/alpha.xml", "alpha/new.csv"])
def test_files_that_were_read_or_are_new_count(bench: Bench, name: str) -> None:
    bench.write(name, "<b/>")
    assert bench.build() == ["alpha", "script"]


def test_a_view_that_passes_its_check_builds_nothing(bench: Bench) -> None:
    bench.write("alpha/view/form.xml", "<b/>")
    assert bench.build() == []
    assert bench.build(exact=True) == ["alpha", "script"]
    bench.write("alpha/view/form.xml", "<c/>")
    bench.passing = lambda facts: False
    assert bench.build() == ["alpha", "script"]


def test_a_view_counts_with_what_else_has_changed(bench: Bench) -> None:
    bench.write("alpha/view/form.xml", "<b/>")
    bench.code(entered="2")
    assert bench.build() == ["alpha", "script"]
    (bench.root / "alpha/view/form.xml").unlink()
    assert bench.build() == ["alpha", "script"]


@pytest.mark.parametrize("reader", ["alpha", "script"])
def test_a_view_counts_whole_where_code_reads_xml(bench: Bench, reader: str) -> None:
    """Libraries in C open files unseen, also those of the layers below."""
    bench.reader = reader
    for text in ("<b/>", "<c/>"):
        bench.write("alpha/view/form.xml", text)
        assert "script" in bench.build()


def test_what_only_the_layer_above_has_entered_builds_that(bench: Bench) -> None:
    """On the template that serves for the one below, under a name that tells of it."""
    before = bench.layer()
    bench.code(later="2")
    assert bench.build() == ["script"]
    assert before.parent
    assert bench.memory.stood == [before.parent.digest]
    now = bench.layer()
    assert {before.digest, now.digest}.isdisjoint(
        one.digest for one in bench.memory.kept.values() if "exact" in one.facts
    )
    assert bench.build() == []
    assert bench.build(exact=True) == ["alpha", "script"]


def test_whole_files_count_where_that_is_wanted(bench: Bench) -> None:
    bench.code(never="2")
    assert bench.build(exact=True) == ["alpha", "script"]
    assert bench.build(exact=True) == []


def test_the_undo_log_stands_on_what_serves(bench: Bench) -> None:
    assert bench.build(with_undo(bench.layer())) == ["script+undo"]
    bench.code(never="2")
    assert bench.build(with_undo(bench.layer())) == []
    bench.code(later="2")
    assert bench.build(with_undo(bench.layer())) == ["script", "script+undo"]


def test_a_variable_that_was_read_makes_it_another_one(bench: Bench) -> None:
    bench.memory.seen["script"] += ("variable MODE",)
    bench.code(size="2")
    assert bench.build() == ["alpha", "script"]
    for exact in (False, True):
        bench.environ = {"MODE": f"a {exact}"}
        assert bench.build(exact=exact) == ["script"]
        assert bench.build(exact=exact) == []
    bench.environ = {}
    assert bench.build() == []


def test_without_a_trace_whole_files_count(bench: Bench) -> None:
    """As where a package of the sources was not seen, or nobody looked."""
    for seen in ((), ("module alpha/alpha.py", MEMBERS)):
        bench.memory.seen["alpha"] = seen
        bench.code(size=f"{len(seen) + 5}")
        assert bench.build() == ["alpha", "script"]
        bench.code(size=f"{len(seen) + 5}", never="2")
        assert bench.build() == ["alpha", "script"]


def test_what_a_program_fills_has_no_trace(bench: Bench) -> None:
    def programmed() -> Layer:
        below: Any = bench.layer()
        nothing = below.gather
        return make("filled", below, nothing, program=object())

    assert programmed().declared == with_undo(programmed()).declared == ""


def test_a_source_that_changes_while_it_is_built_has_no_template(bench: Bench) -> None:
    bench.code(size="2")
    layer = bench.layer()
    bench.memory.meanwhile = lambda: bench.code(size="3")
    kept = dict(bench.memory.kept)
    with pytest.raises(TemplateError, match=r"file alpha/alpha.py changed"):
        bench.build(layer)
    assert bench.memory.kept == kept


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (("alpha/alpha.py", CODE.format(**{**WORDS, "entered": "2"})),
         "alpha/alpha.py: entered() changed"),
        (("alpha/alpha.xml", "<b/>"), "file alpha/alpha.xml changed"),
        (("alpha/new.csv", "1"), "file alpha/new.csv is new"),
    ],
)  # fmt: skip
def test_it_is_said_why_a_layer_is_built_anew(
    bench: Bench, edit: tuple[str, str], why: str
) -> None:
    """What does not count is not named, though it has changed, too."""
    assert bench.memory.said == []
    bench.code(never="2")
    bench.write(*edit)
    assert bench.build() == ["alpha", "script"]
    assert bench.memory.said[0] == (why,)


def test_what_is_built_of_files_that_were_saved_again_is_ended(bench: Bench) -> None:
    def died() -> None:
        builder.end()
        assert bench.memory.killed
        raise TemplateError("the process that built layer alpha ended with signal 9")

    bench.code(size="2")
    kept = dict(bench.memory.kept)
    builder, bench.memory.meanwhile = bench.builder(), died
    with pytest.raises(Superseded):
        builder.ensure(bench.layer())
    with pytest.raises(Superseded):  # nor is one begun that another thread asks for
        builder.ensure(bench.layer())
    assert bench.memory.kept == kept


def test_what_it_saw_changed_meanwhile_so_it_has_no_trace(bench: Bench) -> None:
    """A file that is no fact: the template is as its digest says, as ever."""
    bench.memory.seen["script"] += ("file beside",)
    bench.memory.meanwhile = lambda: None
    layer = replace(bench.layer(), facts={"more": "1"}, digest="1f" * 10)
    finder = bench.builder().finder
    seen = {"module alpha/__init__.py": "", "file beside": "then"}
    assert finder.trace(layer, seen, None) is None
