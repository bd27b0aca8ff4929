# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be said of the undo log without a server."""

import pytest

from harness.errors import DatabaseError
from harness.postgres import Address
from harness.template import undo
from harness.template.undo import PRISTINE, Undo, Undos

ADDRESS = Address(host="/nowhere")


def test_the_version_is_the_scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    undo.version.cache_clear()
    known = undo.version()
    monkeypatch.setattr(undo, "script", lambda: "SELECT 1")
    undo.version.cache_clear()
    assert undo.version() != known
    undo.version.cache_clear()


def test_what_cannot_be_asked_is_in_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(address: Address, database: str) -> object:
        raise DatabaseError(f"nobody answers for {database}", checked=str(address))

    monkeypatch.setattr(undo, "connect", connect)
    outcome = Undo(ADDRESS, "lease").back(PRISTINE)
    assert (outcome.how, outcome.reason) == ("doubt", "nobody answers for lease")
    with pytest.raises(DatabaseError, match="nobody answers for lease"):
        Undo(ADDRESS, "lease").mark()


def test_each_database_has_one_until_it_goes() -> None:
    undos = Undos(ADDRESS)
    one = undos["a"]
    assert undos["a"] is one
    assert undos["b"] is not one
    undos.forget("a")
    undos.forget("a")
    assert undos["a"] is not one
