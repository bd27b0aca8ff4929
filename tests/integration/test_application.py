# SPDX-License-Identifier: GPL-3.0-or-later
"""An application without Tryton: described, and tested on databases of its own."""

from pathlib import Path
from textwrap import dedent

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


def test_pyramid_with_alembic_on_the_embedded_server(
    harness: Harness, tmp_path: Path
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
    assert "12 passed" in first.stdout
    assert "postgresql_template: alembic upgrade head (embedded)" in first.stdout
    made = {one.name for one in tmp_path.iterdir()}
    assert not [one for one in made if one.endswith(".egg-info") or one == "build"]
    # nothing is installed for another run, and no template is built
    one = harness("test", "tests/test_shop.py::test_post[3]", "-q", cwd=tmp_path)
    assert one.returncode == 0, one.stdout + one.stderr
    assert "1 passed" in one.stdout
    assert "installing" not in one.stdout
    odd = harness("test", "--series", "7.0", cwd=tmp_path)
    assert odd.returncode == 2
    assert "--series means nothing here" in odd.stdout
