# SPDX-License-Identifier: GPL-3.0-or-later
"""Names, files, services and variables of a checkout's stack."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from harness.config import Config
from harness.config.schema import StackSettings
from harness.config.services import ServiceTable
from harness.errors import ConfigError, UsageError
from harness.stack import project as projects
from harness.stack import secrets


def config(root: Path, **stack: object) -> Config:
    return Config(root=root, stack=replace(StackSettings(), **stack))


def test_two_checkouts_have_two_projects(tmp_path: Path) -> None:
    one, other = tmp_path / "a" / "main", tmp_path / "b" / "main"
    assert projects.derived(one) != projects.derived(other)
    assert projects.derived(one) == projects.derived(one)


@pytest.mark.parametrize("name", ["main", "My Checkout", "_x_", "äöü", "a" * 99])
def test_a_derived_name_is_one_that_compose_takes(tmp_path: Path, name: str) -> None:
    assert re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,49}", projects.derived(tmp_path / name))


def test_a_link_to_a_checkout_is_the_same_project(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    link = projects.derived(tmp_path / "link")
    assert link == projects.derived(tmp_path / "real")


def test_environments_do_not_share_a_project(tmp_path: Path) -> None:
    made = config(tmp_path, project="x")
    assert projects.make(made).name == "x"
    assert projects.make(made, "production").name == "x-production"
    assert projects.make(replace(made)).variant == "development"
    assert projects.make(made, "staging").variant == "production"


def test_the_configured_environment_is_the_default(tmp_path: Path) -> None:
    made = projects.make(config(tmp_path, environment="staging"))
    assert made.environment == "staging"


@pytest.mark.parametrize(
    "stack",
    [{"nginx_port": 70000}, {"nginx_port": 8000}, {"db_port": 81}],
    ids=str,
)
def test_impossible_ports(tmp_path: Path, stack: dict[str, int]) -> None:
    with pytest.raises(ConfigError):
        projects.make(config(tmp_path, **stack))


def test_what_is_published(tmp_path: Path) -> None:
    made = projects.make(config(tmp_path, db_port=5432))
    assert made.ports == {81: "nginx", 8000: "erpserver", 5432: "db"}


def test_files_of_an_environment(tmp_path: Path) -> None:
    made = projects.make(config(tmp_path))
    with pytest.raises(ConfigError):
        made.files()
    base = tmp_path / "compose"
    base.mkdir()
    for name in ("compose", "development", "production"):
        (base / f"{name}.yaml").touch()
    assert made.files() == [base / "compose.yaml", base / "development.yaml"]
    (base / "local.yaml").touch()
    assert made.files()[-1] == base / "local.yaml"


@pytest.fixture
def made(tmp_path: Path) -> projects.Project:
    table = ServiceTable(image="tests", vhost="mail.test", port=80, after=("api",))
    services = {"mail": table, "late": ServiceTable(environments=("production",))}
    return projects.make(replace(config(tmp_path), service=services))


def test_services(made: projects.Project) -> None:
    known = made.services(["portal", "tryton", "portal", "webapi", "worker", "mail"])
    assert known == ["portal", "erpserver", "api", "processing", "mail"]
    with pytest.raises(UsageError) as caught:
        made.services(["portla"])
    assert caught.value.remedy == "did you mean portal?"
    with pytest.raises(UsageError) as caught:
        made.services(["documentation"])
    assert "harness docs" in caught.value.remedy


def test_a_service_is_only_in_its_environments(made: projects.Project) -> None:
    with pytest.raises(UsageError):
        made.services(["late"])
    production = replace(made, environment="production")
    assert production.services(["late"]) == ["late"]


def test_a_service_is_started_with_its_door(made: projects.Project) -> None:
    assert made.started(["portal"]) == ["portal", "nginx"]
    assert made.started(["mail"]) == ["mail", "nginx"]
    assert made.started(["db"]) == ["db"]
    assert made.started([]) == [*projects.DEFAULT, "mail"]


def test_closure(made: projects.Project) -> None:
    assert made.closure(["processing"]) == ["db", "erpserver", "processing"]
    assert made.closure(["nginx"]) == ["db", "erpserver", "portal", "api", "nginx"]
    assert made.closure(["mail"]) == ["db", "api", "mail"]
    assert made.closure([]) == []


def test_images(made: projects.Project) -> None:
    prefix = made.config.images.prefix
    assert made.images(["mail", "db"]) == {
        "tests": f"{prefix}/tests:development",
        "db": f"{prefix}/db:development",
    }
    table = ServiceTable(image="mailpit:1")
    foreign = replace(made, config=replace(made.config, service={"mail": table}))
    assert foreign.images(["mail"]) == {}
    assert foreign.image("mail") == "mailpit:1"


def test_scales(made: projects.Project) -> None:
    assert made.scales(["portal=2", "tryton=3"]) == {"portal": 2, "erpserver": 3}


@pytest.mark.parametrize("word", ["portal", "portal=", "portal=x", "portal=-1", "db=2"])
def test_what_cannot_be_scaled(made: projects.Project, word: str) -> None:
    with pytest.raises(UsageError):
        made.scales([word])


def test_variables(tmp_path: Path) -> None:
    made = projects.make(config(tmp_path, project="x", nginx_port=1081))
    found = projects.variables(made, state="s", secrets={"database_password": "pw"})
    assert found["COMPOSE_PROJECT_NAME"] == "x"
    assert found["NGINX_PORT"] == "1081"
    assert found["STACK_STATE"] == "s"
    assert found["DATABASE_PASSWORD"] == "pw"
    assert "user=tryton\npassword=pw\n" in found["PGSERVICE_TRYTON"]


def test_each_service_has_a_role_and_a_password_of_its_own(tmp_path: Path) -> None:
    made = projects.make(config(tmp_path))
    known = {name: name for name in secrets.NAMES}
    found = projects.variables(made, state="s", secrets=known)
    assert (
        "user=portal\npassword=portal_database_password\n"
        in (found["PGSERVICE_PORTAL"])
    )
    assert "user=api\npassword=api_database_password\n" in found["PGSERVICE_API"]


def test_processing_is_not_admin(tmp_path: Path) -> None:
    local = tmp_path / "compose" / "env" / "local"
    local.mkdir(parents=True)
    made = projects.make(config(tmp_path))
    assert projects.worker(made) == "processing"
    (local / "processing.env").write_text("PROCESSING_USER=admin\n")
    with pytest.raises(ConfigError, match="a user of its own in Tryton, not admin"):
        projects.worker(made)
