# SPDX-License-Identifier: GPL-3.0-or-later
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.plugins import client
from harness.plugins.workers import distant as plugin
from harness.run import distant
from harness.run.distant import Host, outermost, parse


def test_hosts_are_counted() -> None:
    assert parse(["ssh=a", "3*ssh=me@b", "ssh=a"]) == (
        Host(name="a", workers=2),
        Host(name="me@b", workers=3),
    )


@pytest.mark.parametrize(
    "word", ["a", "ssh=", "0*ssh=a", "ssh=-oProxyCommand=x", "docker=a", "ssh=a b"]
)
def test_other_words_are_no_workers(word: str) -> None:
    with pytest.raises(UsageError, match="is no worker"):
        parse([word])


def test_what_lies_in_another_directory_goes_with_it() -> None:
    paths = [Path("/a/b/c"), Path("/a/bc"), Path("/a/b"), Path("/a/b")]
    assert outermost(paths) == [Path("/a/b"), Path("/a/bc")]


def test_names_are_those_of_the_plugins() -> None:
    assert plugin.GIVEN == distant.GIVEN
    assert client.REACH == distant.REACH
    assert plugin.__name__ == distant.PLUGIN


def test_what_a_machine_has_of_its_own_is_not_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/agent")
    monkeypatch.setenv("PGHOST", "/here")
    line = plugin.head(["-c", "code"], {"environment": {"PGHOST": "/there"}})
    given = plugin.json.loads(line)
    assert given["arguments"] == ["-c", "code"]
    assert given["environ"]["PGHOST"] == "/there"
    assert not {"HOME", "SSH_AUTH_SOCK"} & set(given["environ"])
