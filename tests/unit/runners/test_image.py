# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands and paths of a step inside an image; nothing is started."""

import io
import tarfile
from pathlib import Path

import pytest

from harness.engine import Engine
from harness.environment import Environment
from harness.interpreters import Interpreter
from harness.locks import Lock
from harness.runners import image
from harness.runners.image import Image, Inside


class Words(Engine):
    """An engine that only makes command lines."""

    def argv(self, *parts: object) -> list[str]:
        return ["docker", *map(str, parts)]


@pytest.fixture
def inside(tmp_path: Path) -> Inside:
    environment = Environment(
        path=tmp_path / "images" / "abc",
        interpreter=Interpreter(path=Path("/opt/venv/bin/python"), version=(3, 11)),
        lock=Lock(tmp_path / "lock"),
    )
    found = Image(name="x/y:z", id="abc", venv="/opt/venv", environment=environment)
    sources = {"alpha": Path("/home/me/src/alpha")}
    return Inside(
        engine=Words({}),
        image=found,
        labels={"harness.run": "r1"},
        name="harness-r1-s",
        network="net",
        scratch=tmp_path,
        mounts=image.mounts(
            Path("/home/me"),
            sources=sources,
            writable=[Path("/state")],
            more=("/a:/b:ro", "/c:/d", "below/e:/f:ro", "volume:/g"),
        ),
        paths=tuple(image.translations(sources, found).items()),
        aliases=("web",),
        variables={"MODE": "test"},
        connections={"PGHOST": "db"},
    )


@pytest.mark.parametrize(
    ("outside", "expected"),
    [
        ("/home/me/src/alpha/tests", "/shared/src/alpha/tests"),
        ("--rootdir=/home/me/src/alpha", "--rootdir=/shared/src/alpha"),
        ("/home/me/src/alphabet", "/home/me/src/alphabet"),
        ('["/home/me/src/alpha"]', '["/shared/src/alpha"]'),
        ("/state/results.jsonl", "/state/results.jsonl"),
    ],
)
def test_paths_are_translated(inside: Inside, outside: str, expected: str) -> None:
    assert inside.translate(outside) == expected


def test_the_environment_is_the_images_own(inside: Inside) -> None:
    python = inside.image.environment.python
    assert inside.translate(str(python)) == "/opt/venv/bin/python"


def test_the_command_line(inside: Inside) -> None:
    argv = inside.wrap(["/x/python", "-m", "pytest"], {"PGHOST": "1.2.3.4"}, "tests")
    text = " ".join(argv)
    assert "--entrypoint /x/python" in text
    assert "--network net --network-alias web" in text
    assert "--volume /home/me:/home/me:ro" in text
    assert "--volume /state:/state:rw" in text
    assert "--volume /home/me/src/alpha:/shared/src/alpha:rw" in text
    assert "--volume /a:/b:ro" in text
    assert "--volume /c:/d:rw" in text
    assert "--volume /home/me/below/e:/f:ro" in text
    assert "--volume volume:/g:rw" in text
    assert "--label harness.run=r1" in text
    assert text.endswith("x/y:z -m pytest")
    assert "--tty" not in argv


def test_secrets_are_in_no_command_line(inside: Inside) -> None:
    argv = inside.wrap(["python"], {"PGPASSWORD": "s3cret"}, "tests")
    assert "s3cret" not in " ".join(argv)
    file = inside.scratch / f"{inside.container('tests')}.env"
    assert file.stat().st_mode & 0o077 == 0
    lines = file.read_text().splitlines()
    assert "PGPASSWORD=s3cret" in lines
    assert "PGHOST=db" in lines
    assert "MODE=test" in lines


def test_a_value_of_several_lines_is_not_lost(inside: Inside) -> None:
    argv = inside.wrap(["python"], {"TEXT": "one\ntwo", "A": "1"}, "tests")
    assert "TEXT=one\ntwo" in argv
    file = inside.scratch / f"{inside.container('tests')}.env"
    assert "one" not in file.read_text()


def test_only_the_tests_have_the_aliases(inside: Inside) -> None:
    assert "--network-alias" not in inside.wrap(["python"], {}, "build-1")


def test_two_containers_of_tests_share_nothing(inside: Inside) -> None:
    other = image.beside(inside, "lane2")
    assert other.network == ""
    assert other.container("tests") != inside.container("tests")
    inside.wrap(["python"], {"LANE": "1"}, "tests")
    other.wrap(["python"], {"LANE": "2"}, "tests")
    for one, expected in ((inside, "LANE=1"), (other, "LANE=2")):
        text = (inside.scratch / f"{one.container('tests')}.env").read_text()
        assert expected in text.splitlines()


def test_where_links_lead_is_mounted(tmp_path: Path) -> None:
    """Who links clones into ``src`` has a program's directory behind a link."""
    clone, src = tmp_path / "clones" / "alpha", tmp_path / "src"
    clone.mkdir(parents=True)
    assert image.linked(src) == []
    (src / "beta").mkdir(parents=True)
    (src / "alpha").symlink_to("../clones/alpha")
    (src / "gone").symlink_to("../clones/gone")
    assert image.linked(src) == [clone]


def test_directories_of_evidence_are_mounted_over_others(inside: Inside) -> None:
    made, kept = image.keeping(inside, ["/b", "/shots"], inside.scratch)
    assert list(kept) == ["/b", "/shots"]
    assert len(set(kept.values())) == 2
    assert all(Path(one).is_dir() for one in kept.values())
    targets = [target for _, target, _ in made.mounts]
    assert sorted(targets) == sorted({*targets, "/shots"})
    assert (kept["/b"], "/b", "rw") in made.mounts


@pytest.mark.parametrize("older", [False, True])
def test_of_an_image_only_what_is_looked_at_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, older: bool
) -> None:
    """Before Python 3.11.4 there are no filters."""
    if older:
        monkeypatch.delattr(tarfile, "data_filter", raising=False)
    site = "lib/python3.11/site-packages"
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name in ("trytond/pool.py", "trytond/../../../../up", "other/x.py"):
            archive.addfile(tarfile.TarInfo(f"{site}/{name}"))
    stream.seek(0)
    place = tmp_path / "one" / "two"
    image._unpack(stream, place)
    found = [one for one in tmp_path.rglob("*") if one.is_file()]
    assert found == [place / site / "trytond" / "pool.py"]
