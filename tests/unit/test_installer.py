# SPDX-License-Identifier: GPL-3.0-or-later
"""By uv where it knows what pip is told, and by pip where it does not, or fails."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from harness import proc
from harness.errors import CommandFailed
from harness.installer import PackageInstaller, told

PYTHON = Path("/env/bin/python")


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([], {}),
        (["global.index-url='https://a/simple'"], {"UV_DEFAULT_INDEX": "https://a/simple"}),
        (
            [":env:.index-url='c'", "global.index-url='a'", "install.index-url='b'"],
            {"UV_DEFAULT_INDEX": "c"},
        ),
        (
            ["global.extra-index-url='\\nhttps://a\\nhttps://b'",
             "global.find-links='/a /b'"],
            {"UV_INDEX": "https://a https://b", "UV_FIND_LINKS": "/a,/b"},
        ),
        (["global.cert='/ca'", "global.timeout='9'"],
         {"SSL_CERT_FILE": "/ca", "UV_HTTP_TIMEOUT": "9"}),
        (["global.disable-pip-version-check='1'", "freeze.index-url='x'"], {}),
        (["WARNING: a = b"], {}),
        (["global.proxy='http://p'"], None),
        ([":env:.no-index='1'"], None),
        (["global.only-binary=':all:'"], None),
        (["global.index-url=https://a"], None),
    ],
)  # fmt: skip
def test_what_pip_is_told(lines: list[str], found: dict[str, str] | None) -> None:
    assert told("\n".join(lines)) == found


class Programs:
    """Notes what is run; pip's configuration, and whether uv fails."""

    def __init__(self, listed: str = "", *, fails: bool = False) -> None:
        self.listed = listed
        self.fails = fails
        self.ran: list[list[str]] = []
        self.env: dict[str, str] = {}

    def __call__(
        self, argv: Sequence[str | Path], *, env: Mapping[str, str], check: bool = True
    ) -> proc.Completed:
        words = [str(word) for word in argv]
        if words[-2:] == ["config", "list"]:
            return proc.Completed(code=0, stdout=self.listed, stderr="")
        self.ran.append(words)
        self.env = dict(env)
        if self.fails and words[0].endswith("/uv"):
            raise CommandFailed("uv ended with exit code 1")
        return proc.Completed(code=0, stdout="x==1\n", stderr="")


@pytest.fixture
def there(tmp_path: Path) -> dict[str, str]:
    """An environment of programs with uv on its path."""
    program = tmp_path / "uv"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return {"PATH": str(tmp_path), "UV_DEFAULT_INDEX": "https://mine"}


def run(
    monkeypatch: pytest.MonkeyPatch, programs: Programs, environ: Mapping[str, str]
) -> None:
    monkeypatch.setattr(proc, "run", programs)
    words = ("x", "--editable", "/src")
    PackageInstaller(environ).install(PYTHON, words, constraints=Path("/c.txt"))


def test_uv_is_held_as_pip_is(
    monkeypatch: pytest.MonkeyPatch, there: dict[str, str]
) -> None:
    programs = Programs("global.constraint='/all'\nglobal.index-url='https://a'")
    run(monkeypatch, programs, there)
    ((uv, *words),) = programs.ran
    assert uv.endswith("/uv")
    assert words[:2] == ["pip", "install"]
    assert words[-7:] == [
        "--python", str(PYTHON), "--constraint", "/c.txt", "x", "--editable", "/src",
    ]  # fmt: skip
    assert programs.env["UV_BUILD_CONSTRAINT"] == "/c.txt"
    assert "UV_CONSTRAINT" not in programs.env
    assert programs.env["UV_DEFAULT_INDEX"] == "https://mine"  # who says it, means it


@pytest.mark.parametrize(
    ("programs", "count"),
    [(Programs(fails=True), 2), (Programs("global.proxy='http://p'"), 1)],
)
def test_pip_has_the_last_word(
    monkeypatch: pytest.MonkeyPatch,
    there: dict[str, str],
    programs: Programs,
    count: int,
) -> None:
    run(monkeypatch, programs, there)
    assert len(programs.ran) == count
    assert programs.ran[-1][:4] == [str(PYTHON), "-m", "pip", "install"]
    assert programs.env["PIP_CONSTRAINT"] == "/c.txt"
    assert programs.env["PIP_USE_PEP517"] == "1"  # no link files of an older kind


def test_without_uv_nothing_is_said_of_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    programs = Programs()
    run(monkeypatch, programs, {"PATH": str(tmp_path)})
    assert [words[:4] for words in programs.ran] == [
        [str(PYTHON), "-m", "pip", "install"]
    ]
    assert PackageInstaller({"PATH": str(tmp_path)}).freeze(PYTHON) == "x==1\n"
    assert programs.ran[-1][-2:] == ["freeze", "--all"]


@pytest.mark.parametrize(
    ("words", "said", "told_more"),
    [
        ("no x (from versions: none)", "Could not fetch URL http://a: x", True),
        ("ERROR: ResolutionImpossible", "Could not fetch URL http://a: x", True),
        ("no x (from versions: none)", "", False),
    ],
)
def test_an_index_that_cannot_be_reached_is_no_empty_one(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    words: str,
    said: str,
    *,
    told_more: bool,
) -> None:
    asked: list[Sequence[str | Path]] = []

    def ran(argv: Sequence[str | Path], **options: object) -> proc.Completed:
        asked.append(argv)
        if options.get("check") is False:
            return proc.Completed(code=1, stdout=f"pip\n{said}\nend", stderr="")
        raise CommandFailed(words)

    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setattr(proc, "run", ran)
    with pytest.raises(CommandFailed) as caught:
        PackageInstaller({"PATH": str(tmp_path)}).install(PYTHON, ["x"])
    assert len(asked) == 2
    assert caught.value.message.endswith(said if told_more else words)
    assert "end" not in caught.value.message
