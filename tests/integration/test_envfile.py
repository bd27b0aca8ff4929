# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of variables say here what they say to Docker Compose."""

import json
import os
import random
import subprocess
from pathlib import Path

import pytest

from harness import envfile

FORMS = """\
# a comment
WORD=abc # with one behind it
HASH=a#b
QUOTED="a # b" # end
RAW='as it is: $WORD ${WORD} \\n'
LINES="one\\ntwo
three"
COPY=$WORD-${QUOTED}
OTHERWISE=${MISSING:-it is ${COPY}}
EMPTY=
VOID=${EMPTY:-empty}${EMPTY-not}
SET=${WORD:+yes}${MISSING+no}
PRICE=$$5, \\$6
export TOLD=1
LETTERS=ünïcode
WIDE  =   spaces around
COLON: as in YAML
ADDRESS=postgresql://u:p@h/db?x=1&y=2
JSON={"a": [1, "b"]}
OUTER
TWICE=1
TWICE=2
"""
PARTS = (
    *("A", "B", "OUTER", "=", "\n", " ", " #", "#", '"', "'", "$", "\\", "}", ":"),
    *("$A", "${A}", "${Z:-d}", "${Z-${A}}", "${A:+y}", "${A?no}", "$$", "\\$", "\\n"),
    *('\\"', "\\'", "\\0101", "\\012", "ü", "\t", ".", "a b", "${", "[0]", "\r"),
)
ENVIRON = {**os.environ, "OUTER": "from outside", "B": "outer"}


def drawn(seed: int) -> str:
    """A file of some statements, few of which make sense."""
    chance = random.Random(seed)
    text = ""
    for _ in range(chance.randint(1, 3)):
        quote = chance.choice(["", "", '"', "'"])
        text += chance.choice(["A=", "B = ", "export A=", "C.d: ", ""]) + quote
        text += "".join(chance.choices(PARTS, k=chance.randint(0, 4)))
        text += quote + chance.choice(["\n", " # x\n"])
    return text


def ours(text: str) -> dict[str, str] | None:
    """What we read; None for what is refused."""
    try:
        return envfile.read(text, {}, ENVIRON)
    except envfile.BadFile:
        return None


@pytest.fixture(scope="module", autouse=True)
def compose() -> None:
    """Compose; it needs no engine to read files."""
    words = ["docker", "compose", "version"]
    try:
        found = subprocess.run(words, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        found = False
    if not found and os.environ.get("CI"):
        pytest.fail("CI has no Docker Compose")
    if not found:
        pytest.skip("no Docker Compose")


def theirs(directory: Path, text: str) -> dict[str, str] | None:
    """The same from Compose."""
    (directory / "one.env").write_bytes(text.encode())
    service = {"image": "none", "env_file": ["one.env"]}
    document = {"name": "test", "services": {"one": service}}
    (directory / "compose.yaml").write_text(json.dumps(document))
    done = subprocess.run(
        ["docker", "compose", "config", "--format", "json"],
        cwd=directory,
        env=ENVIRON,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return None
    found = json.loads(done.stdout)["services"]["one"].get("environment") or {}
    return {name: (found[name] or "").replace("$$", "$") for name in found}


def test_forms(tmp_path: Path) -> None:
    found = theirs(tmp_path, FORMS)
    assert found is not None
    assert found["COPY"] == "abc-a # b"
    assert found["OUTER"] == "from outside"
    assert ours(FORMS) == found


def test_drawn_files(tmp_path: Path) -> None:
    texts = [drawn(seed) for seed in range(150)]
    found = [theirs(tmp_path, text) for text in texts]
    known = [(text, ours(text)) for text in texts]
    assert known == list(zip(texts, found, strict=True))
    assert sum(one is not None for one in found) > 50
