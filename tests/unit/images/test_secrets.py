# SPDX-License-Identifier: GPL-3.0-or-later
"""What is taken of the machine's configuration, and what is not."""

from pathlib import Path

from harness.images import secrets
from harness.images.secrets import Secrets

STANZAS = """\
# a comment
Types: deb deb-src
URIs: http://mirror.test/debian
Suites: bookworm bookworm-updates
  trixie
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://other.test
Suites: bookworm
Components: main
Signed-By: /usr/share/keyrings/other.gpg

Enabled: no
Types: deb
URIs: http://off.test
Suites: bookworm
Components: main
"""


def test_stanzas_become_lines_of_the_release() -> None:
    assert list(secrets.stanzas(STANZAS, "bookworm")) == [
        "deb http://mirror.test/debian bookworm main contrib",
        "deb http://mirror.test/debian bookworm-updates main contrib",
    ]


def test_lines_are_those_of_debian_and_of_the_release() -> None:
    text = """\
# deb http://no.test bookworm main
deb http://mirror.test/debian bookworm main  # ours
deb-src http://mirror.test/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://a.test bookworm-security main
deb [arch=amd64 signed-by=/etc/other.gpg] http://other.test bookworm main
deb http://cloud.test cloud-sdk-bookworm main
"""  # noqa: E501
    assert list(secrets.one_line(text, "bookworm")) == [
        "deb http://mirror.test/debian bookworm main",
        "deb http://a.test bookworm-security main",
    ]


def test_files_of_both_kinds_are_read(tmp_path: Path) -> None:
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (tmp_path / "sources.list").write_text("deb http://one.test bookworm main\n")
    (parts / "x.sources").write_text(STANZAS)
    (parts / "x.list.off").write_text("deb http://off.test bookworm main\n")
    assert secrets.sources("bookworm", tmp_path).count("\n") == 3
    assert secrets.sources("noble", tmp_path) == ""
    assert secrets.sources("bookworm", tmp_path / "nowhere") == ""


def test_of_apt_only_proxies_are_taken() -> None:
    text = """\
APT::Architecture "amd64";
Acquire::http::Proxy "http://proxy.test:3128";
Acquire::https::Proxy::mirror.test "DIRECT";
Acquire::http::Pipeline-Depth "0";
Acquire::http::Proxy "";
"""
    assert secrets.proxies(text).splitlines() == [
        'Acquire::http::Proxy "http://proxy.test:3128";',
        'Acquire::https::Proxy::mirror.test "DIRECT";',
    ]


def test_of_pip_only_reachable_places_are_taken() -> None:
    text = """\
global.cert='/etc/ssl/certs/ca-certificates.crt'
global.index-url='https://user:word@index.test/simple'
global.extra-index-url='file:///opt/simple https://more.test/simple'
global.find-links='/opt/wheels'
:env:.default-timeout='180'
install.user='true'
"""
    assert secrets.index(text).splitlines() == [
        "[global]",
        "extra-index-url = https://more.test/simple",
        "index-url = https://user:word@index.test/simple",
        "timeout = 180",
    ]
    assert secrets.index("") == ""


def test_secrets_are_for_their_user_only(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.crt"
    options = Secrets(texts={"pip": "[global]\n"}, certificates=bundle).write(tmp_path)
    assert options == [
        "--secret", f"id=pip,src={tmp_path}/pip",
        "--secret", f"id=ca,src={bundle}",
    ]  # fmt: skip
    assert (tmp_path / "pip").stat().st_mode & 0o777 == 0o600


def test_proxies_of_the_environment_are_named_not_written() -> None:
    environ = {"https_proxy": "http://u:p@proxy.test", "HTTP_PROXY": "", "HOME": "/"}
    assert secrets.arguments(environ) == ["--build-arg", "https_proxy"]
