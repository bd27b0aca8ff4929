# SPDX-License-Identifier: GPL-3.0-or-later
"""What was observed in a container, as it is called here."""

import os
import re
from pathlib import Path

import pytest

from harness.engine import Engine
from harness.environment import Environment
from harness.interpreters import Interpreter
from harness.locks import Lock
from harness.plugins.trace import facts
from harness.plugins.trace.facts import Now, Trace
from harness.run.side import ImageSide, Mounted
from harness.runners import image
from harness.runners.image import Image, Inside


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a source in it, and one elsewhere that it has a link to."""
    for name in (
        "root/examples/alpha/core.py", "root/data/one.txt", "elsewhere/beta/core.py",
        "root/config/given.ini", "root/tool",
    ):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("def one(): return 1\n")
    (tmp_path / "root/src").mkdir()
    (tmp_path / "root/src/beta").symlink_to(tmp_path / "elsewhere/beta")
    return tmp_path


@pytest.fixture
def mounted(project: Path) -> Mounted:
    root = project / "root"
    made = {
        str(root): str(root),
        "/shared/src/alpha": str(root / "examples/alpha"),
        "/shared/src/beta": str(project / "elsewhere/beta"),
        "/shared/src/alpha/settings.ini": str(root / "config/given.ini"),
        "/shared/src/alpha/kept": "",
    }
    return Mounted([*made.items()], root=root)


@pytest.mark.parametrize(
    ("there", "here"),
    [
        ("module /shared/src/alpha/core.py", "module examples/alpha/core.py"),
        ("members /shared/src/alpha/core.py", "members examples/alpha/core.py"),
        ("all /shared/src/alpha/core.py", "all examples/alpha/core.py"),
        ("all *", "all *"),
        (
            "function /shared/src/alpha/core.py:A.b",
            "function examples/alpha/core.py:A.b",
        ),
        ("file data/one.txt", "file data/one.txt"),
        ("view form /shared/src/alpha/v.xml", "view form examples/alpha/v.xml"),
        ("place /shared/src/alpha/no.py", "place examples/alpha/no.py"),
        ("tree /shared/src/alpha", "tree examples/alpha"),
        ("directory .", "directory ."),
        ("file /shared/src/alpha/settings.ini", "file config/given.ini"),
        ("variable HOME", "variable HOME"),
        ("package alpha", "package alpha"),
        ("file /shared/src/alphabet/core.py", "inside /shared/src/alphabet/core.py"),
        ("file /shared/src/alpha/kept/x", "inside /shared/src/alpha/kept/x"),
        ("module /etc/core.py", "inside /etc/core.py"),
    ],
)
def test_facts_by_their_names_here(mounted: Mounted, there: str, here: str) -> None:
    assert mounted.fact(there) == here


def test_each_kind_that_is_of_a_file_is_known() -> None:
    kinds = re.findall(r"^``(\w+) (?:T )?P\b", str(facts.__doc__), re.MULTILINE)
    assert {*kinds} - {"inside"} == facts.FILES


def test_a_source_elsewhere_has_its_whole_name(mounted: Mounted, project: Path) -> None:
    expected = f"module {project}/elsewhere/beta/core.py"
    assert mounted.fact("module /shared/src/beta/core.py") == expected


@pytest.mark.parametrize(
    ("to", "same"),
    [
        ("core.py", True),
        ("../alpha/core.py", True),
        ("../beta/core.py", False),  # inside it is the other source, here nothing
        ("../../data/one.txt", False),  # here it is the project's, inside nothing
        ("/etc/hostname", False),
        ("link", False),
    ],
)
def test_links_are_those_that_lead_to_the_same_file(
    mounted: Mounted, project: Path, to: str, same: bool
) -> None:
    (project / "root/examples/alpha/link").symlink_to(to)
    found = mounted.fact("file /shared/src/alpha/link")
    name = "file examples/alpha/link" if same else "inside /shared/src/alpha/link"
    assert found == name
    (project / "root/examples/alpha/inner").symlink_to(".")
    assert mounted.fact("file /shared/src/alpha/inner/core.py") == (
        "file examples/alpha/inner/core.py"
    )


def test_a_link_to_what_is_mounted_at_its_own_place(
    mounted: Mounted, project: Path
) -> None:
    alpha = project / "root/examples/alpha"
    (alpha / "own").symlink_to(project / "root/data/one.txt")
    (alpha / "other").symlink_to(project / "elsewhere/beta/core.py")
    assert mounted.fact("file /shared/src/alpha/own") == "file examples/alpha/own"
    assert mounted.fact("file /shared/src/alpha/other").startswith("inside ")


def test_what_only_the_image_has_never_holds(project: Path) -> None:
    now = Now(str(project))
    for digest in ("", "abc"):
        assert Trace({"inside /etc/x": digest}).changed(now) == [
            "/etc/x is known inside the image only"
        ]


def test_a_tree_is_the_same_under_another_name(project: Path) -> None:
    here = Now(str(project / "root"))
    os.rename(project / "root/examples/alpha", project / "alpha")
    before = Now("/").digest(f"tree {project}/alpha")
    os.rename(project / "alpha", project / "root/examples/alpha")
    assert here.digest("tree examples/alpha") == before != ""


def side(project: Path, *more: str, id_: str = "abc") -> ImageSide:
    root = project / "root"
    found = Image(
        name="x/y:z",
        id=id_,
        venv="/opt/venv",
        environment=Environment(
            path=project / "images" / id_,
            interpreter=Interpreter(path=Path("/opt/venv/bin/python"), version=(3, 11)),
            lock=Lock(project / "lock"),
        ),
        variables={"LANG": "C.UTF-8", "MODE": "image"},
    )
    sources = {"alpha": root / "examples/alpha"}
    inside = Inside(
        engine=Engine({}),
        image=found,
        labels={},
        name="harness-r1-s",
        network="net",
        scratch=project / "scratch",
        mounts=image.mounts(
            root, sources=sources, writable=[project / "scratch"], more=more
        ),
        paths=tuple(image.translations(sources, found).items()),
        variables={"MODE": "test", "DATA": f"{root}/examples/alpha/data"},
        connections={"PGHOST": "db"},
    )
    places = [line.split(":")[1] for line in more]
    return ImageSide(
        inside, lambda argv, env: [*argv, "in"], root=root, settings={}, more=places
    )


def test_variables_are_those_that_processes_have(project: Path) -> None:
    assert side(project).environ({"A": "1", "PGHOST": "/x"}) == {
        "LANG": "C.UTF-8", "MODE": "test", "DATA": "/shared/src/alpha/data",
        "PGHOST": "db", "HOME": "/tmp", "A": "1",
    }  # fmt: skip


def test_another_image_is_another_setting(project: Path) -> None:
    one, other = side(project), side(project, id_="def")
    assert one.settings() != other.settings()
    assert one.settings() == side(project).settings()


def test_what_is_mounted_for_the_suite_counts_as_it_was(project: Path) -> None:
    before = side(project, "./tool:/usr/bin/tool:ro", "./data:/data", "volume:/cache")
    assert set(before.files()) == {"file tool", "tree data"}
    assert Trace(before.files()).changed(Now(str(project / "root"))) == []
    (project / "root/data/two.txt").touch()
    (project / "root/tool").write_text("other")
    assert Trace(before.files()).changed(Now(str(project / "root"))) == [
        "tool changed", "something in data/ changed"
    ]  # fmt: skip


def test_what_goes_with_the_run_is_no_mount(project: Path) -> None:
    made = project / "scratch" / "lacking"
    here = side(project, f"{made}:/shared/src/alpha", "./tool:/shared/src/alpha/tool")
    assert here.fact("place /shared/src/alpha/tool") == "place tool"
    assert here.fact("place /shared/src/alpha/new") == "place examples/alpha/new"
    assert here.settings() != side(project, f"{made}:/shared/src/alpha").settings()
