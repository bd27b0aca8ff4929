# SPDX-License-Identifier: GPL-3.0-or-later
"""The template's code: made once, made again for anything else, never in the way."""

import sys
from pathlib import Path

import pytest
from jinja2 import DictLoader, Environment

from harness.reports.bytecode import Bytecode


def rendered(maker: Path, text: str, **options: bool) -> str:
    loader = DictLoader({"page": text})
    environment = Environment(loader=loader, bytecode_cache=Bytecode(maker), **options)
    return environment.get_template("page").render(name="<b>")


@pytest.fixture
def maker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    (tmp_path / "__pycache__").mkdir()
    path = tmp_path / "maker.py"
    path.write_text("autoescape = False")
    return path


def test_it_is_made_once(maker: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rendered(maker, "{{ name }}") == "<b>"
    [file] = (maker.parent / "__pycache__").iterdir()
    with monkeypatch.context() as patched:
        patched.setattr(Environment, "_generate", lambda *words, **more: 1 / 0)
        assert rendered(maker, "{{ name }}") == "<b>"
    assert [file] == list((maker.parent / "__pycache__").iterdir())


def test_another_text_or_another_maker_is_another_code(maker: Path) -> None:
    assert rendered(maker, "{{ name }}") == "<b>"
    assert rendered(maker, "2{{ name }}") == "2<b>"
    maker.write_text("autoescape = True")
    assert rendered(maker, "2{{ name }}", autoescape=True) == "2&lt;b&gt;"


@pytest.mark.parametrize("length", [0, 3, 40, 80])
def test_a_broken_one_is_made_again(maker: Path, length: int) -> None:
    rendered(maker, "{{ name }}")
    [file] = (maker.parent / "__pycache__").iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:length])
    assert rendered(maker, "{{ name }}") == "<b>"
    assert file.read_bytes() == whole


def test_without_a_place_and_where_python_writes_none(
    maker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert rendered(maker, "{{ name }}") == "<b>"
    assert not list((maker.parent / "__pycache__").iterdir())
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    (maker.parent / "__pycache__").rmdir()
    assert rendered(maker, "{{ name }}") == "<b>"
