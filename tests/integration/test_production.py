# SPDX-License-Identifier: GPL-3.0-or-later
"""A production that runs: least privilege, and no data lost by a slip.

Its server is one from before there were roles: `up` has brought it to them.
"""

import base64
import json
import os
import re
import secrets
import subprocess
import tarfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.engine import Engine
from harness.stack.project import DEFAULT
from harness.stack.secrets import NAMES
from tests.integration.checkouts import (
    PREFIX,
    Checkout,
    checkout,
    docker,
    identity,
    left,
    say,
)
from tests.integration.conftest import environment
from tests.integration.test_stack import Tryton, get
from tests.integration.visitors import PASSWORD, Visitor, sound
from tests.weekly import WEEKLY

WITHOUT = Engine(dict(os.environ)).why_not()
pytestmark = [
    pytest.mark.skipif(
        bool(WITHOUT) and not os.environ.get("CI"),
        reason=f"no Docker engine: {WITHOUT}",
    ),
    pytest.mark.usefixtures("engine"),
    WEEKLY,
]
NAME = "collecting_society"
DB = f"{PREFIX}/db:production"
SMTP = "smtp://me:hush-hush@127.0.0.1:9"
"""Nobody answers there, which is only a warning."""
MAIL = "PORTAL_MAIL_FROM=portal@example.org\n"


@dataclass(frozen=True)
class Production:
    """A checkout whose stack is production's."""

    checkout: Checkout

    def __call__(self, *words: str, **more: str) -> "subprocess.CompletedProcess[str]":
        return self.checkout(*words, **more)

    def good(self, *words: str, **more: str) -> str:
        return self.checkout.good(*words, **more)

    @property
    def project(self) -> str:
        return f"{self.checkout.env['HARNESS_STACK_PROJECT']}-production"

    @property
    def place(self) -> Path:
        return self.checkout.root / "compose" / "secrets" / "production"

    def secret(self, name: str) -> str:
        return (self.place / name).read_text().strip()

    def sql(self, statement: str, database: str = NAME) -> list[str]:
        words = ("exec", "db", "psql", "-Atd", database, "-c", statement)
        return self.good(*words).strip().splitlines()

    def inside(self, service: str, *statements: str, **where: str) -> list[str]:
        """What PostgreSQL says to a service that connects with what it has."""
        code = (
            "import os, psycopg2, urllib.parse as u\n"
            "uri = u.urlsplit(os.environ['TRYTOND_DATABASE_URI'])\n"
            f"for statement in {statements!r}:\n"
            "    try:\n"
            "        c = psycopg2.connect(**{'host': uri.hostname,"
            f" 'user': uri.username, 'dbname': {NAME!r}, **{where!r}}})\n"
            "        k = c.cursor()\n"
            "        k.execute(statement)\n"
            "        print(k.fetchone()[0] if k.description else 'done')\n"
            "    except psycopg2.Error as error:\n"
            "        print(type(error).__name__, ' '.join(str(error).split()))\n"
        )
        return self.good("exec", service, "python3", "-c", code).strip().splitlines()

    def tryton(self, user: str = "admin") -> "Client":
        client = Client(self.checkout.erp)
        name = "admin_password" if user == "admin" else "processing_password"
        assert client.enter(user, self.secret(name)), f"{user} is not let in"
        return client

    def made_of(self, service: str) -> str:
        """The id of the image of the one container of a service."""
        name = f"name={self.project}-{service}"
        [one] = docker("ps", "--quiet", "--filter", name).split()
        return docker("inspect", "--format", "{{.Image}}", one).strip()

    def backups(self) -> set[Path]:
        return set((self.checkout.root / "backups").glob("*"))


class Client(Tryton):
    """Of any of Tryton's users."""

    def enter(self, user: str, password: str) -> bool:
        found = self.call("common.db.login", user, {"password": password}, "en")
        if not isinstance(found, list):
            return False
        token = base64.b64encode(f"{user}:{found[0]}:{found[1]}".encode()).decode()
        self.headers["Authorization"] = f"Session {token}"
        return True


def before_roles(project: str) -> None:
    """A volume as it was made before: services and harness were its superuser."""
    volume, name = f"{project}_db", f"{project}-former"
    docker("volume", "create", "--label", f"com.docker.compose.project={project}",
           "--label", "com.docker.compose.volume=db", volume)  # fmt: skip
    try:
        docker("run", "--detach", "--name", name, "--env", "POSTGRES_USER=tryton",
               "--env", "POSTGRES_DB=postgres", "--env", "POSTGRES_PASSWORD=former",
               "--volume", f"{volume}:/var/lib/postgresql/data", DB)  # fmt: skip
        psql = ("exec", name, "psql", "--username=tryton", "-qc")
        deadline = time.monotonic() + 300
        while True:
            try:
                docker(*psql, "CREATE DATABASE former", "-d", "postgres")
                break
            except subprocess.CalledProcessError:
                assert time.monotonic() < deadline
                time.sleep(0.5)
        docker(*psql, "CREATE TABLE mark (id serial, text varchar);"
               " CREATE TYPE kind AS ENUM ('a'); CREATE DOMAIN d AS int;"
               " CREATE VIEW seen AS SELECT * FROM mark;"
               " CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';"
               " CREATE SCHEMA more; CREATE TABLE more.mark (id int);"
               " CREATE EXTENSION pg_trgm", "-d", "former")  # fmt: skip
        docker("stop", name)
    finally:
        docker("rm", "--force", name)


def cleared(project: str) -> None:
    label = f"com.docker.compose.project={project}"
    for kind in ("container", "network", "volume"):
        every = ("--all",) if kind == "container" else ()
        found = docker(kind, "ls", *every, "--quiet", "--filter", f"label={label}")
        for name in found.split():
            force = ("--force",) if kind != "network" else ()
            docker(kind, "rm", *force, name)


@pytest.fixture(scope="module")
def made(
    engine: Engine, state: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Production]:
    """A checkout of production, with secrets, and nothing up."""
    tags = docker("images", "--format", "{{.Repository}}:{{.Tag}}").split()
    lacking = [n for n in DEFAULT if f"{PREFIX}/{n}:production" not in tags]
    if lacking:
        why = f"not built: harness build --variant production {' '.join(lacking)}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
    word = f"harness-test-{uuid.uuid4().hex[:8]}"
    env = environment(
        state, HARNESS_STACK_PROJECT=word, HARNESS_STACK_ENVIRONMENT="production",
        HARNESS_STACK_TIMEOUT="400",
    )  # fmt: skip
    found = Production(checkout(tmp_path_factory.mktemp("production") / "main", env))
    found.good("secrets", "init")
    assert {path.name for path in found.place.iterdir()} == set(NAMES)
    try:
        yield found
    finally:
        cleared(found.project)
        kept = ("--filter", f"reference={PREFIX}/*:{found.project}-*")
        form = ("--format", "{{.Repository}}:{{.Tag}}")
        for name in docker("image", "ls", *kept, *form).split():
            docker("image", "rm", name)


@pytest.fixture(scope="module")
def production(made: Production) -> Production:
    """It is up; mails have a way since the second time."""
    before_roles(made.project)
    local = made.checkout.root / "compose" / "env" / "local" / "portal.env"
    local.unlink(missing_ok=True)
    done = made("up")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "mail has no way" in done.stdout
    assert "mails have no sender" in done.stdout
    assert json.loads(made.good("ps", "--json")) == []
    (made.place / "portal_smtp").write_text(SMTP + "\n")
    (made.place / "portal_smtp").chmod(0o600)
    local.write_text(f"{MAIL}PORTAL_PAGE_SIZE=many\n")
    done = made("up", HARNESS_STACK_TIMEOUT="120")
    assert done.returncode == 4, done.stdout + done.stderr
    said = done.stdout + done.stderr
    assert "portal-1" in said
    assert "PORTAL_PAGE_SIZE: 'many' is not a number" in said, said
    assert "harness logs" in said
    assert "PORTAL_PAGE_SIZE" in made.good("logs", "portal")
    local.write_text(MAIL)
    told = made.good("up")
    assert "the mail server 127.0.0.1:9 does not answer" in told
    say(told)
    return made


# -- roles ---------------------------------------------------------------------


def test_no_service_is_a_superuser(production: Production) -> None:
    query = (
        "SELECT rolname FROM pg_roles WHERE rolsuper OR rolcreaterole OR rolcreatedb"
    )
    assert production.sql(query) == ["postgres"]
    query = "SELECT rolpassword IS NULL FROM pg_authid WHERE rolname = 'postgres'"
    assert production.sql(query) == ["t"]
    for service, role in (
        ("erpserver", "tryton"),
        ("portal", "portal"),
        ("api", "api"),
    ):
        assert production.inside(service, "SELECT current_user") == [role]
        # The sessions of its application are that role's, too.
    query = (
        "SELECT DISTINCT usename FROM pg_stat_activity"
        " WHERE datname = current_database() AND client_addr IS NOT NULL"
    )
    assert set(production.sql(query)) <= {"tryton", "portal", "api"}


def test_what_was_the_superusers_is_the_owners(production: Production) -> None:
    query = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE NOT datistemplate"
    assert sorted(production.sql(query)) == ["postgres", "tryton", "tryton"]
    for kind, query in {
        "class": "SELECT pg_get_userbyid(relowner) FROM pg_class"
        " WHERE relnamespace::regnamespace::text IN ('public', 'more')",
        "type": "SELECT pg_get_userbyid(typowner) FROM pg_type"
        " WHERE typname IN ('kind', 'd')",
        "routine": "SELECT pg_get_userbyid(proowner) FROM pg_proc WHERE proname = 'f'",
        "schema": "SELECT pg_get_userbyid(nspowner) FROM pg_namespace"
        " WHERE nspname = 'more'",
    }.items():
        assert set(production.sql(query, "former")) == {"tryton"}, kind
    assert production.sql("SELECT 1 FROM pg_roles WHERE rolname ~ 'harness'") == []


SAID = {
    "SELECT count(*) >= 0 FROM party_party": "True",
    "DELETE FROM party_party WHERE false": "done",
    "UPDATE web_user SET active = active WHERE false": "done",
    "SELECT nextval('party_party_id_seq') > 0": "True",
    "LOCK TABLE ir_sequence_strict IN EXCLUSIVE MODE NOWAIT": "done",
    "CREATE TABLE mark (id int)": "permission denied for schema",
    "CREATE TEMP TABLE mark (id int)": "permission denied to create temporary",
    "ALTER TABLE party_party ADD x int": "must be owner",
    "TRUNCATE party_party": "permission denied",
    "DROP TABLE party_party": "must be owner",
    "UPDATE res_user SET active = true": "permission denied",
    'DELETE FROM "res_user-res_group"': "permission denied",
    "INSERT INTO ir_cron (id) VALUES (0)": "permission denied",
    "UPDATE ir_model_access SET perm_write = true": "permission denied",
    "UPDATE ir_module SET state = 'x'": "permission denied",
    "CREATE ROLE mark": "permission denied",
    "SELECT pg_read_file('PG_VERSION')": "permission denied",
    "COPY party_party TO PROGRAM 'id'": "must be superuser|permission denied",
    "SELECT rolpassword FROM pg_authid": "permission denied",
}
"""What portal and API are answered."""


@pytest.mark.parametrize("service", ["portal", "api"])
def test_portal_and_api_read_and_write_and_no_more(
    production: Production, service: str
) -> None:
    answers = production.inside(service, *SAID)
    for (statement, expected), answer in zip(SAID.items(), answers, strict=True):
        assert re.search(expected, answer), statement


def test_no_other_database_is_theirs(production: Production) -> None:
    for database in ("postgres", "former", "template1"):
        [said] = production.inside("portal", "SELECT 1", dbname=database)
        assert "permission denied for database" in said


def test_nobody_is_let_in_as_somebody_else(production: Production) -> None:
    for user in ("postgres", "tryton", "api"):
        [said] = production.inside("portal", "SELECT 1", user=user)
        assert "password authentication failed" in said


def test_the_owner_changes_tables_and_nothing_of_the_server(
    production: Production,
) -> None:
    statements = (
        "CREATE ROLE mark",
        "SELECT pg_read_file('PG_VERSION')",
        "ALTER ROLE portal PASSWORD 'x'",
        "COPY party_party TO '/tmp/x'",
        "SELECT rolpassword FROM pg_authid",
        "CREATE EXTENSION file_fdw",
    )
    done, *refused = production.inside(
        "erpserver", "CREATE TABLE mark (id int)", *statements
    )
    assert done == "done"
    for answer in refused:
        assert re.search("permission denied|must be superuser", answer)


def test_a_table_to_come_is_read_and_written_by_portal(production: Production) -> None:
    """An update by trytond itself is not seen by the harness."""
    uri = "postgresql://tryton@db/collecting_society"
    words = ("exec", "erpserver", "python3", "-c")
    code = (
        "import psycopg2; c = psycopg2.connect({!r});"
        " c.cursor().execute({!r}); c.commit()"
    )
    production.good(*words, code.format(uri, "CREATE TABLE mark (id serial)"))
    try:
        insert = "INSERT INTO mark DEFAULT VALUES"
        assert production.inside("portal", insert) == ["done"]
    finally:
        production.good(*words, code.format(uri, "DROP TABLE mark"))


def test_a_new_password_is_taken_by_up(production: Production) -> None:
    path = production.place / "api_database_password"
    path.write_text(secrets.token_urlsafe(24) + "\n")
    production.good("up")
    assert production.inside("api", "SELECT 1") == ["1"]
    assert get(production.checkout.web, "api.repertoire.test")[0] == 200


# -- people --------------------------------------------------------------------


def test_no_container_has_a_secret_that_is_not_its_own(production: Production) -> None:
    query = {
        "portal": {"pgservice_portal", "session_secret", "portal_smtp"},
        "api": {"pgservice_api", "session_secret"},
        "processing": {"processing_password"},
    }
    there = production.checkout.containers()
    for service, expected in query.items():
        found = production.good("exec", service, "ls", "/run/secrets").split()
        assert set(found) == expected
        shown = docker("inspect", there[service][0]["name"])
        assert "hush-hush" not in shown  # the mail server's password
        limits = json.loads(shown)[0]["HostConfig"]
        assert limits["Memory"] > 0
        assert limits["PidsLimit"] > 0
        assert limits["RestartPolicy"]["Name"] == "always"
    words = ("exec", "portal", "cat", "/run/secrets/portal_smtp")
    assert production.good(*words).strip() == SMTP


def test_processing_may_do_its_work_and_no_more(production: Production) -> None:
    client = production.tryton("processing")
    read: list[Any] = [[], 0, None, None, ["id"], {}]
    for model in ("collecting_society.content", "collecting_society.storage"):
        assert isinstance(client.call(f"model.{model}.search_read", *read), list)
    with pytest.raises(KeyError):  # there is an error in the place of a result
        client.call("model.res.user.create", [{"name": "x", "login": "x"}], {})
    with pytest.raises(KeyError):
        client.call("model.collecting_society.storage.create", [{"name": "x"}], {})
    other = Client(production.checkout.erp)
    assert not other.enter("admin", production.secret("processing_password"))
    assert not other.enter("processing", production.secret("admin_password"))


def test_an_upload_is_archived(production: Production) -> None:
    """By way of API and processing, each with what it may do."""
    admin = production.tryton()
    volume = {"name": "volume-1", "capacity": 1000}
    admin.call(
        "model.collecting_society.storage.create",
        [{"name": uuid.uuid4().hex, "volumes": [["create", [volume]]]}], {},
    )  # fmt: skip
    address = f"{uuid.uuid4().hex}@example.com"
    [party] = admin.call("model.party.party.create", [{"name": "Nora"}], {})
    values = {"email": address, "password": PASSWORD, "party": party,
              "email_valid": True}  # fmt: skip
    admin.call("model.web.user.create", [values], {})
    web = production.checkout.web
    portal = Visitor(web, "repertoire.test")
    portal.submit("/login", email=address, password=PASSWORD)
    api = Visitor(web, "api.repertoire.test")
    words = {"email": address, "password": PASSWORD}
    api.token = api.json("POST", "/v1/tokens", **words)["token"]
    api.upload("440.wav", sound(440))
    deadline = time.monotonic() + 200
    while True:
        [one] = api.json("GET", "/v1/uploads")["items"]
        if one["state"] == "archived":
            break
        assert time.monotonic() < deadline, production.good("logs", "processing")
        time.sleep(0.5)


@contextmanager
def later(service: str) -> Iterator[str]:
    """There is another image of a service; the id of the former, that comes back."""
    image = f"{PREFIX}/{service}:production"
    former = docker("image", "inspect", "--format", "{{.Id}}", image).strip()
    subprocess.run(
        ["docker", "build", "--tag", image, "-"], check=True, text=True, timeout=60,
        input=f"FROM {image}\nLABEL mark=later\n", capture_output=True,
    )  # fmt: skip
    try:
        yield former
    finally:
        docker("tag", former, image)


def test_what_served_before_serves_again(production: Production) -> None:
    done = production("rollback")
    assert done.returncode == 2
    assert "nothing to go back to" in done.stdout
    with later("portal") as former:
        production.good("up")
        assert production.made_of("portal") != former
        told = production.good("rollback")
        assert former.removeprefix("sha256:")[:12] in told
        assert production.made_of("portal") == former
        assert get(production.checkout.web, "repertoire.test")[0] == 200


def test_the_database_of_before_comes_back_from_an_encrypted_backup(
    production: Production, tmp_path: Path
) -> None:
    (key, public), (other, _) = (identity(tmp_path, name) for name in ("a", "b"))
    asked = {"HARNESS_ENCRYPT_TO": f"production={public}"}
    users = "SELECT count(*) FROM party_party WHERE code = 'since'"
    with later("erpserver") as former:
        production.good("up")
        update = ("db", "update", "--on", "stack", "-m", "country", "--yes", "--force")
        told = production.good(*update, **asked)
        [dump] = re.findall(r"backup: (\S+\.dump\.age)$", told, re.MULTILINE)
        production.sql("INSERT INTO party_party (code, active) VALUES ('since', true)")
        back = ("rollback", "--with-database", "--yes", "--force")
        plain = production("rollback", "--dry-run", **asked).stdout
        assert f"(and --identity FILE) takes the backup of before: {dump}" in plain
        serves = production.made_of("erpserver")
        for words, said in (
            ((), "is encrypted"),
            (("--identity", str(other)), "cannot be decrypted"),
        ):
            done = production(*back, *words, **asked)
            assert (done.returncode, said in done.stdout) == (2, True), done.stdout
            assert production.made_of("erpserver") == serves
        line = production.good(*back, "--identity", str(key), "--dry-run", **asked)
        assert f"harness db restore --on stack --identity {key} {dump}" in line
        assert production.sql(users) == ["1"]
        production.good(*back, "--identity", str(key), **asked)
        assert production.sql(users) == ["0"]
        assert production.made_of("erpserver") == former
    assert get(production.checkout.web, "repertoire.test")[0] == 200
    # What was written since is in a backup, too: as secret.
    assert {one.suffix for one in production.backups() if "age" in one.name} >= {".age"}


# -- not lost ------------------------------------------------------------------


def alive(production: Production) -> bool:
    label = f"label=com.docker.compose.project={production.project}"
    names = docker("volume", "ls", "--quiet", "--filter", label).split()
    return names == [f"{production.project}_db", f"{production.project}_files"]


@pytest.mark.parametrize(
    "words",
    [
        ("down", "--volumes"), ("down", "--volumes", "--no-backup"),
        ("db", "delete", NAME), ("db", "destroy"), ("db", "rebuild"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_production_is_not_lost_by_a_slip(
    production: Production, words: tuple[str, ...]
) -> None:
    place = ("--on", "stack") if words[0] == "db" else ()
    for more, remedy in (("--yes", "--force"), ("--force", "--yes")):
        done = production(*words, more, *place)
        assert done.returncode == 2
        assert remedy in done.stdout + done.stderr
    assert alive(production)
    assert production.sql("SELECT 1") == ["1"]


def test_what_cannot_be_backed_up_is_not_lost(production: Production) -> None:
    backups = production.checkout.root / "backups"
    backups.mkdir(exist_ok=True)
    kept = backups.rename(backups.with_name("kept"))
    backups.write_text("in the way")
    try:
        done = production("down", "--volumes", "--yes", "--force")
        assert done.returncode == 5
        assert "there is no place for backups" in done.stdout + done.stderr
        assert alive(production)
        assert get(production.checkout.web, "repertoire.test")[0] == 200
    finally:
        backups.unlink()
        kept.rename(backups)


def test_a_database_is_deleted_and_comes_back_with_its_services(
    production: Production,
) -> None:
    """Services wait where there is no database; a dump of elsewhere is no obstacle."""
    admin = production.tryton()
    domain = [["login", "=", "processing"]]
    [user] = admin.call("model.res.user.search", domain, 0, None, None, {})
    before = production.backups()
    foreign = {"password": "of-another-place-17"}
    for one in (user, 1):
        admin.call("model.res.user.write", [one], foreign, {})
    told = production.good("db", "delete", NAME, "--on", "stack", "--yes", "--force")
    [dump] = [one for one in production.backups() - before if one.suffix == ".dump"]
    assert f"backup: {dump}" in told
    assert "stay stopped" in told
    assert "harness db create" in told
    states = {
        s: ones[0]["state"] for s, ones in production.checkout.containers().items()
    }
    assert {states[s] for s in ("erpserver", "portal", "api", "processing")} == {
        "exited"
    }
    told = production.good("db", "restore", str(dump), "--on", "stack")
    started = re.findall(r"^start (.*?)(?: \.\.\.|:)", told, re.MULTILINE)
    order = [re.sub(r"\S+-(\w+)-\d+", r"\1", one) for one in dict.fromkeys(started)]
    assert order[0] == "erpserver"
    assert order[-1] == "processing"
    healths = {
        one["health"]
        for ones in production.checkout.containers().values()
        for one in ones
    }
    assert healths == {"healthy"}
    assert production.tryton("processing")
    assert production.tryton("admin")
    statements = ("DROP TABLE party_party", "UPDATE res_user SET active = true")
    answers = production.inside("portal", *statements)
    assert "must be owner" in answers[0]
    assert "permission denied" in answers[1]


def test_health_tells_that_processing_is_refused(production: Production) -> None:
    admin = production.tryton()
    domain = [["login", "=", "processing"]]
    [user] = admin.call("model.res.user.search", domain, 0, None, None, {})
    admin.call("model.res.user.write", [user], {"password": "another-word-17"}, {})
    name = f"{production.project}-processing-1"
    try:
        deadline = time.monotonic() + 400
        while (
            docker("inspect", "--format", "{{.State.Health.Status}}", name).strip()
            != "unhealthy"
        ):
            assert time.monotonic() < deadline
            time.sleep(1)
        said = json.loads(
            docker("inspect", "--format", "{{json .State.Health.Log}}", name)
        )
        assert "refuses user or password" in said[-1]["Output"]
    finally:
        words = {"password": production.secret("processing_password")}
        admin.call("model.res.user.write", [user], words, {})
    deadline = time.monotonic() + 200
    while (
        docker("inspect", "--format", "{{.State.Health.Status}}", name).strip()
        != "healthy"
    ):
        assert time.monotonic() < deadline
        time.sleep(1)


def test_logs_say_that_there_is_nothing(production: Production) -> None:
    done = production("logs", "selenium")
    assert done.returncode == 2
    assert "has no container" in done.stdout


def test_all_goes_with_backups_that_bring_it_back(production: Production) -> None:
    words = ("exec", "portal", "sh", "-c")
    production.good(*words, "echo kept >/var/lib/trytond/uploads/mark")
    production.good(
        "db", "psql", "former", "--on", "stack", "-c", "INSERT INTO mark DEFAULT VALUES"
    )
    before = production.backups()
    told = production.good("down", "--volumes", "--yes", "--force")
    assert left(f"com.docker.compose.project={production.project}") == []
    new = production.backups() - before
    assert {one.stat().st_mode & 0o077 for one in new if one.suffix != ".sha256"} == {0}
    [archive] = [one for one in new if one.suffix == ".tar"]
    with tarfile.open(archive) as found:
        member = found.extractfile("./uploads/mark")
        assert member
        assert member.read() == b"kept\n"
    dumps = sorted(one for one in new if one.suffix == ".dump")
    assert [re.sub(r"-\d{8}-.*", "", one.name) for one in dumps] == [
        f"{NAME}-production", "former-production",
    ]  # fmt: skip
    # The drill: an empty machine, and what was said.
    production.good("db", "restore", str(dumps[0]), "--on", "stack")
    production.good("db", "restore", str(dumps[1]), "former", "--on", "stack")
    production.good("up")
    [back] = re.findall(r"back by: (.*)$", told, re.MULTILINE)
    subprocess.run(["sh", "-euc", back], check=True, timeout=60)
    assert production.good(*words, "cat /var/lib/trytond/uploads/mark") == "kept\n"
    assert production.sql("SELECT count(*) FROM mark", "former") == ["1"]
    assert production.sql("SELECT count(*) > 0 FROM web_user") == ["t"]
    assert production.inside("portal", "SELECT current_user") == ["portal"]
