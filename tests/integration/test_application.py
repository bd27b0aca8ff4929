# SPDX-License-Identifier: GPL-3.0-or-later
"""An application without Tryton: described, and tested on databases of its own."""

import os
import subprocess
from pathlib import Path
from textwrap import dedent

from harness.postgres import Address
from harness.postgres.local import installation
from tests.integration.conftest import Harness

FILES = {
    "pyproject.toml": """\
        [build-system]
        requires = ["setuptools"]
        build-backend = "setuptools.build_meta"

        [project]
        name = "shop"
        version = "1"
        dependencies = ["pyramid", "SQLAlchemy>=2", "alembic", "psycopg[binary]"]
        optional-dependencies.testing = ["WebTest"]

        [tool.setuptools]
        packages = ["shop"]
        """,
    "alembic.ini": """\
        [alembic]
        script_location = migrations
        """,
    "migrations/env.py": """\
        from alembic import context
        from shop import engine

        with engine().connect() as connection:
            context.configure(connection=connection)
            with context.begin_transaction():
                context.run_migrations()
            connection.commit()
        """,
    "migrations/versions/one.py": """\
        import sqlalchemy as sa
        from alembic import op

        revision, down_revision = "one", None


        def upgrade():
            op.create_table("item", sa.Column("id", sa.Integer, primary_key=True),
                            sa.Column("name", sa.String))
            op.execute("INSERT INTO item (name) VALUES ('first')")
        """,
    "shop/__init__.py": """\
        import os

        from pyramid.config import Configurator
        from sqlalchemy import create_engine, text


        def engine():
            _, _, place = os.environ["DATABASE_URL"].partition(":")
            return create_engine(f"postgresql+psycopg:{place}")


        def items(request):
            with request.registry.engine.begin() as connection:
                if request.method == "POST":
                    connection.execute(
                        text("INSERT INTO item (name) VALUES (:name)"),
                        {"name": request.POST["name"]},
                    )
                query = text("SELECT name FROM item ORDER BY id")
                return {"items": list(connection.scalars(query))}


        def main(settings):
            with Configurator(settings=settings) as config:
                config.registry.engine = engine()
                config.add_route("items", "/")
                config.add_view(items, route_name="items", renderer="json")
                return config.make_wsgi_app()
        """,
    "shop/asgi.py": """\
        import json
        import os

        import psycopg


        async def application(scope, receive, send):
            place = os.environ["DATABASE_URL"]
            async with await psycopg.AsyncConnection.connect(place) as connection:
                if scope["method"] == "POST":
                    await connection.execute("INSERT INTO item (name) VALUES ('more')")
                found = await connection.execute("SELECT name FROM item ORDER BY id")
                body = json.dumps([name for name, in await found.fetchall()]).encode()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": body})
        """,
    "tests/test_asgi.py": """\
        import asyncio
        import json

        from shop.asgi import application


        def call(method):
            sent = []

            async def send(message):
                sent.append(message)

            asyncio.run(application({"method": method}, None, send))
            return json.loads(sent[-1]["body"])


        def test_get():
            assert call("GET") == ["first"]


        def test_post():
            assert call("POST") == ["first", "more"]


        def test_get_again():
            assert call("GET") == ["first"]
        """,
    "tests/test_shop.py": """\
        import pytest
        from webtest import TestApp

        from shop import main


        @pytest.fixture(scope="session")
        def app():
            return TestApp(main({}))


        @pytest.mark.parametrize("number", range(12))
        def test_post(app, number):
            assert app.get("/").json == {"items": ["first"]}
            assert app.post("/", {"name": "more"}).json == {"items": ["first", "more"]}
        """,
}


def backup(address: Address, path: Path) -> None:
    """One of what the migrations make, with a role that nobody has later."""
    place = installation()
    assert place
    env = {**os.environ, **address.environment()}

    def say(*words: str) -> None:
        argv = [place / "bin" / words[0], *words[1:]]
        subprocess.run(argv, env=env, check=True, capture_output=True)

    table = "CREATE TABLE item (id serial PRIMARY KEY, name varchar)"
    rows = "INSERT INTO item (name) VALUES ('first')"
    say("psql", "-d", "postgres", "-c", "CREATE DATABASE keeper")
    say("psql", "-d", "keeper", "-c", "CREATE ROLE keeper", "-c", table, "-c", rows,
        "-c", "ALTER TABLE item OWNER TO keeper")  # fmt: skip
    say("pg_dump", "--format=custom", f"--file={path}", "keeper")
    say(
        "psql", "-d", "postgres", "-c", "DROP DATABASE keeper", "-c", "DROP ROLE keeper"
    )


def test_pyramid_and_asgi_with_alembic_or_a_dump_on_the_embedded_server(
    harness: Harness, tmp_path: Path, address: Address
) -> None:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
    refused = harness("init", cwd=tmp_path)
    assert refused.returncode == 2
    assert "harness init --fill" in refused.stdout
    assert (
        harness("init", "--fill", "alembic upgrade head", cwd=tmp_path).returncode == 0
    )
    first = harness("test", cwd=tmp_path)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "15 passed" in first.stdout
    assert "postgresql_template: alembic upgrade head (embedded)" in first.stdout
    made = {one.name for one in tmp_path.iterdir()}
    assert not [one for one in made if one.endswith(".egg-info") or one == "build"]
    # nothing is installed for another run, and no template is built
    one = harness("test", "tests/test_shop.py::test_post[3]", "-q", cwd=tmp_path)
    assert one.returncode == 0, one.stdout + one.stderr
    assert "1 passed" in one.stdout
    assert "installing" not in one.stdout
    # the same of a backup: of its file alone, so it is kept
    backup(address, tmp_path / "item.dump")
    file = tmp_path / "pyproject.toml"
    file.write_text(file.read_text().replace("alembic upgrade head", "item.dump"))
    dumped = harness("test", cwd=tmp_path)
    assert "15 passed" in dumped.stdout, dumped.stdout + dumped.stderr
    assert "postgresql_template: item.dump (embedded)" in dumped.stdout
    odd = harness("test", "--series", "7.0", cwd=tmp_path)
    assert odd.returncode == 2
    assert "--series means nothing here" in odd.stdout
