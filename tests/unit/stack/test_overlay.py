# SPDX-License-Identifier: GPL-3.0-or-later
"""What is laid over the Compose files: of the checkout, and of described services."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.config import Config
from harness.config.schema import StackSettings
from harness.config.services import ServiceTable
from harness.errors import ConfigError
from harness.model import Origin, Source
from harness.stack import project as projects
from harness.stack import secrets
from harness.stack.overlay import hosts, overlay, page


def config(root: Path, **stack: object) -> Config:
    return Config(root=root, stack=replace(StackSettings(), **stack))


def test_sources_are_mounted_in_development_only(tmp_path: Path) -> None:
    source = Source(name="x", path=tmp_path / "src" / "x", origin=Origin.SRC)
    made = config(tmp_path)
    found = overlay(projects.make(made), [source], {})["services"]
    [mount] = found["api"]["volumes"]
    assert mount["source"] == str(source.path)
    assert mount["target"] == "/shared/src/x"
    production = projects.make(made, "production")
    found = overlay(production, [source], {})["services"]
    assert not [one for one in found.values() if "volumes" in one]


def test_local_settings_and_the_port_of_the_database(tmp_path: Path) -> None:
    local = tmp_path / "compose" / "env" / "local"
    local.mkdir(parents=True)
    (local / "db.env").touch()
    made = projects.make(config(tmp_path, db_port=15432))
    assert overlay(made, [], {})["services"]["db"] == {
        "env_file": [str(local / "db.env")],
        "ports": ["127.0.0.1:15432:5432"],
    }


def test_who_has_a_new_secret_is_made_anew(tmp_path: Path) -> None:
    """And nobody else: a container has a copy of what it was told."""
    made = projects.make(config(tmp_path))
    known = {name: name for name in secrets.NAMES}
    before = overlay(made, [], known)["services"]
    assert overlay(made, [], known)["services"] == before
    for name in secrets.NAMES:
        after = overlay(made, [], {**known, name: "other"})["services"]
        changed = {service for service in after if after[service] != before[service]}
        told = {s for s, names in projects.SECRETS.items() if name in names}
        assert changed == told
        assert not [one for one in known if one in str(after)]


def test_host_names(tmp_path: Path) -> None:
    local = tmp_path / "compose" / "env" / "local"
    local.mkdir(parents=True)
    env = local.parent / "nginx.env"
    env.write_text("# names\nPORTAL_NAMES=a.test b.test\nAPI_NAMES=c.test\n")
    (local / "nginx.env").write_text("API_NAMES='d.test e.test' # mine")
    found = hosts(projects.make(config(tmp_path)))
    assert found == {"portal": ["a.test", "b.test"], "api": ["d.test", "e.test"]}


def test_a_certificate_opens_a_port_of_its_own(tmp_path: Path) -> None:
    table = ServiceTable(image="mailpit:1", port=8025, vhost="mail.test")
    stack = replace(StackSettings(), https_port=8443, address="0.0.0.0")
    made = projects.make(Config(root=tmp_path, stack=stack, service={"mail": table}))
    assert "secrets" not in overlay(made, [], {})
    place = made.pair.place
    place.mkdir(parents=True)
    for name in ("tls_certificate", "tls_key"):
        (place / name).write_text(name)
    assert made.ports == {81: "nginx", 8000: "erpserver", 8443: "https"}
    found = overlay(made, [], {})
    nginx = found["services"]["nginx"]
    assert nginx["ports"] == ["0.0.0.0:8443:443"]
    assert nginx["secrets"] == list(found["secrets"])
    assert nginx["environment"]["HTTPS_PORT"] == "8443"
    names = "repertoire.test api.repertoire.test mail.test"
    assert nginx["environment"]["HTTPS_NAMES"] == names
    assert "listen 443 ssl" in nginx["environment"]["SERVERS"]
    # Another one does not make nginx anew: it is told.
    made.pair.certificate.write_text("another")
    assert overlay(made, [], {}) == found
    with pytest.raises(ConfigError, match="the same port"):
        taken = replace(stack, nginx_port=8443)
        projects.make(Config(root=tmp_path, stack=taken))


# -- described services --------------------------------------------------------


def described(root: Path, **tables: ServiceTable) -> dict[str, Any]:
    made = projects.make(replace(config(root), service=tables))
    return overlay(made, [], {})


def test_a_service_of_the_stack_keeps_what_its_table_does_not_say(
    tmp_path: Path,
) -> None:
    (tmp_path / "their.env").write_text("A=1\nB='a$b'\nC=${A}2\n")
    table = ServiceTable(
        image="tests",
        command=("pserve", "a b.ini"),
        environment=("B=${DATABASE_NAME}",),
        environment_files=("their.env",),
        secrets=("KEY=session_secret",),
        volumes=("conf:/etc/conf:ro", "./x/y:/z:ro"),
        health=("http://127.0.0.1:6543/",),
    )
    found = described(tmp_path, portal=table)
    made = found["services"]["portal"]
    assert made["image"].endswith("/tests:development")
    # Variables of files are taken as they are, the table's are filled in.
    assert made["environment"]["C"] == "12"
    assert made["environment"]["B"] == "${DATABASE_NAME}"
    shell, option, program, *words = made["command"]
    assert (shell, option, words) == ("sh", "-c", ["sh", "pserve", "a b.ini"])
    assert "KEY=session_secret" in program
    assert "$" not in program.replace("$$", "")
    assert "'a b.ini'" in made["environment"]["DEPLOY"]
    assert made["secrets"] == ["session_secret"]
    assert made["healthcheck"]["test"][-1] == "http://127.0.0.1:6543/"
    assert made["volumes"][0] == {
        "type": "volume", "source": "conf", "target": "/etc/conf",
    }  # fmt: skip
    assert made["volumes"][1]["source"] == str(tmp_path / "x/y")
    assert found["volumes"]["conf"]["labels"]
    assert "restart" not in made


def test_a_service_more(tmp_path: Path) -> None:
    table = ServiceTable(
        image="mailpit:1", port=8025, vhost="mail.test", replicas=2,
        ports=("1025:1025",), after=("db", "other"), page="/inbox",
    )  # fmt: skip
    tables = {"mail": table, "other": ServiceTable(image="x:1")}
    found = described(tmp_path, **tables)["services"]
    assert found["mail"]["cap_drop"] == ["ALL"]
    assert found["mail"]["labels"]["harness.role"] == "stack"
    assert (found["mail"]["image"], found["mail"]["scale"]) == ("mailpit:1", 2)
    assert found["mail"]["ports"] == ["127.0.0.1:1025:1025"]
    assert found["mail"]["depends_on"] == {
        "db": {"condition": "service_healthy"},
        "other": {"condition": "service_started"},
    }
    text = found["nginx"]["environment"]["SERVERS"]
    assert "server_name mail.test;" in text
    assert "set $$service mail:8025;" in text
    made = projects.make(replace(config(tmp_path), service=tables))
    assert hosts(made)["mail"] == ["mail.test"]
    assert (page(made, "mail"), page(made, "portal")) == ("/inbox", "/")


def test_nginx_is_told_where_portal_and_api_are(tmp_path: Path) -> None:
    api = ServiceTable(vhost="api.c3s.test", port=6543)
    found = described(tmp_path, api=api)["services"]["nginx"]
    assert found["environment"] == {"API_PORT": "6543", "API_NAMES": "api.c3s.test"}
    # What an operator has said stays.
    local = tmp_path / "compose" / "env" / "local"
    local.mkdir(parents=True)
    (local / "nginx.env").write_text("API_NAMES=mine.test\n")
    found = described(tmp_path, api=api)["services"]["nginx"]
    assert found["environment"]["API_NAMES"] == "mine.test"


def test_a_secret_that_there_is_not(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="that there is not: token"):
        described(tmp_path, api=ServiceTable(secrets=("TOKEN=token",)))
