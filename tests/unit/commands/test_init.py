# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``harness init`` writes, and what it leaves as it is."""

import io
import tomllib
from pathlib import Path
from typing import Any

import pytest

from harness import discovery
from harness.commands import application, init
from harness.config import load
from harness.context import Context
from harness.errors import HarnessError
from harness.output import Console


def run(root: Path, *fill: str, ask: Any = None, dry: bool = False) -> str:
    out = io.StringIO()
    context = Context(
        config=load(root, {}, {}, found={}),
        environ={},
        console=Console(out, {}),
        line="",
        found=discovery.look(root),
    )
    init.run(context, fill=fill, dry=dry, ask=ask)
    return out.getvalue()


def refused(root: Path, *fill: str) -> str:
    with pytest.raises(HarnessError) as caught:
        run(root, *fill)
    return str(caught.value)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "portal"\n')
    (tmp_path / "requirements.txt").write_text("SQLAlchemy\n")
    return tmp_path


def written(root: Path) -> Any:
    return tomllib.loads((root / "pyproject.toml").read_text())


def test_a_module_is_described_once(tmp_path: Path) -> None:
    (tmp_path / "tryton.cfg").write_text("[tryton]\nversion=7.0.0\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    assert "# for plain pytest, in pytest.ini: tryton =" in run(tmp_path, dry=True)
    (tmp_path / "pytest.ini").unlink()
    assert "[tool.harness]" in run(tmp_path, dry=True)
    assert not (tmp_path / "pyproject.toml").exists()
    assert "written into" in run(tmp_path)
    tool = written(tmp_path)["tool"]
    assert tool["harness"]["series"] == "7.0"
    assert tool["pytest"]["ini_options"]["tryton"] == [f"{tmp_path.name}=."]
    assert "[tool.harness] is there already" in refused(tmp_path)


def test_an_application_says_what_fills_its_database(project: Path) -> None:
    (project / "schema.sql").touch()
    (project / "data.dump").touch()
    run(project, "schema.sql", "data.dump", "shop.testing:fill")
    options = written(project)["tool"]["pytest"]["ini_options"]
    assert options == {
        "warm_workers": True,
        "postgresql_template_autouse": True,
        "postgresql_template": ["schema.sql", "data.dump", "shop.testing:fill"],
    }
    assert written(project)["project"] == {"name": "portal"}
    assert "a configuration of pytest is there already" in refused(project, "x:y")


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        (
            "pytest.ini",
            "[pytest]\naddopts = -q\n",
            "[pytest]\n{}postgresql_template =\n    a.b:c\naddopts = -q\n",
        ),
        (
            "pyproject.toml",
            '[project]\nname = "x"\n\n[tool.pytest.ini_options]\naddopts = "-q"\n',
            '[project]\nname = "x"\n\n[tool.pytest.ini_options]\n'
            '{}postgresql_template = [\n    "a.b:c",\n]\naddopts = "-q"\n',
        ),
    ],
)
def test_a_configuration_of_pytest_gets_our_lines(
    tmp_path: Path, name: str, before: str, after: str
) -> None:
    (tmp_path / name).write_text(before)
    run(tmp_path, "a.b:c")
    ours = f"{init.FILLS}warm_workers = true\npostgresql_template_autouse = true\n"
    assert (tmp_path / name).read_text() == after.format(ours)
    assert application.of(tmp_path / "below") == tmp_path
    assert "is there already" in refused(tmp_path, "x:y")


def test_a_template_of_migrations_is_kept_until_they_change(project: Path) -> None:
    (project / "alembic.ini").write_text("[alembic]\nscript_location=%(here)s/steps\n")
    for name in ("steps", "portal", "tests"):
        (project / name).mkdir()
        (project / name / "__init__.py").touch()
    (project / "data.dump").touch()
    run(project, "data.dump", "alembic upgrade head")
    options = written(project)["tool"]["pytest"]["ini_options"]
    reads = options["postgresql_template_reads"]
    assert reads == ["alembic.ini", "steps", "portal"]


def test_a_suite_for_nose_without_a_database(tmp_path: Path) -> None:
    (tmp_path / "test_a.py").write_text("from nose.tools import eq_\n")
    assert "nothing requires PostgreSQL" in run(tmp_path)
    options = written(tmp_path)["tool"]["pytest"]["ini_options"]
    assert options == {"warm_workers": True, "nose": True}


def test_a_database_that_nobody_wants(project: Path) -> None:
    run(project, "none")
    options = written(project)["tool"]["pytest"]["ini_options"]
    assert options == {"warm_workers": True}


def test_it_is_asked_where_somebody_is_there(project: Path) -> None:
    answers = iter(["python fill.py", "a.b:c", ""])
    run(project, ask=lambda question: next(answers))
    options = written(project)["tool"]["pytest"]["ini_options"]
    assert options["postgresql_template"] == ["python fill.py", "a.b:c"]


def test_what_is_wrong(project: Path, tmp_path: Path) -> None:
    assert "harness init --fill" in refused(project)
    assert "there is no file schema.sql" in refused(project, "schema.sql")
    (tmp_path / "pyproject.toml").unlink()
    assert "no Tryton module" in refused(tmp_path, "x:y")


def test_where_nothing_is_there_is_nothing_to_describe(tmp_path: Path) -> None:
    said = refused(tmp_path)
    assert "nothing to describe" in said
    assert "harness init" not in said
