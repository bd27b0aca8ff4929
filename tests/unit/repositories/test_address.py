# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses: as given, by another protocol, from a mirror."""

from pathlib import Path

import pytest

from harness.repositories.address import effective, from_root

HTTPS = "https://github.com/C3S/portal_web"
SSH = "git@github.com:C3S/portal_web.git"


@pytest.mark.parametrize(
    ("address", "protocol", "expected"),
    [
        (HTTPS, "given", HTTPS),
        (HTTPS, "ssh", SSH),
        (HTTPS + ".git/", "ssh", SSH),
        (SSH, "https", HTTPS + ".git"),
        (SSH, "ssh", SSH),
        ("ssh://git@example.org/a/b", "https", "https://example.org/a/b.git"),
        ("https://me@example.org/a", "ssh", "git@example.org:a.git"),
        ("https://example.org:8443/a/b", "ssh", "https://example.org:8443/a/b"),
        ("/srv/git/b.git", "ssh", "/srv/git/b.git"),
        ("../b.git", "https", "../b.git"),
        ("file:///srv/b.git", "https", "file:///srv/b.git"),
    ],
)
def test_protocols(address: str, protocol: str, expected: str) -> None:
    assert effective(address, name="b", mirror="", protocol=protocol) == expected


@pytest.mark.parametrize(
    ("address", "mirror", "expected"),
    [
        (
            HTTPS,
            "https://mirror.example.org/git/",
            "https://mirror.example.org/git/x.git",
        ),
        (HTTPS, "/srv/{path}", "/srv/C3S/portal_web"),
        (SSH, "https://m/{host}/{path}.git", "https://m/github.com/C3S/portal_web.git"),
        ("/srv/x.git", "ssh://m/{name}.git", "ssh://m/x.git"),
    ],
)
def test_mirrors(address: str, mirror: str, expected: str) -> None:
    assert effective(address, name="x", mirror=mirror, protocol="ssh") == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("git/x.git", "/root/git/x.git"),
        ("/srv/x.git", "/srv/x.git"),
        ("file:///srv/x.git", "file:///srv/x.git"),
        (HTTPS, HTTPS),
        (SSH, SSH),
        ("", ""),
    ],
)
def test_relative_paths_count_from_the_root(address: str, expected: str) -> None:
    assert from_root(address, Path("/root")) == expected
