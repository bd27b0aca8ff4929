# SPDX-License-Identifier: GPL-3.0-or-later
"""The undo log under Tryton's own writes: the example's data scripts, by proteus."""

import io
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from harness import config, plan, series
from harness.context import Context
from harness.output import Console
from harness.postgres import connect
from harness.run import needs, servers, templates
from harness.runners import base
from harness.store import Run
from harness.template.layer import Request
from harness.template.pool import Pool, PoolLease
from harness.template.postgresql import PostgreSQL
from harness.template.process import Process
from harness.template.undo import PRISTINE
from tests.integration.test_undo import difference, dump
from tests.weekly import weekly

ROOT = Path(__file__).parents[2]
MASTER, DATA = ROOT / "examples/data/master.txt", ROOT / "examples/data/test_data.txt"
MODULE = "collecting_society"
SCRIPTS = {
    "writes": """\
    >>> from proteus import Model
    >>> Artist = Model.get('collecting_society.artist')
    >>> artists = Artist.find([])
    >>> for artist in artists:
    ...     artist.name += ' again'
    ...     artist.save()
    >>> solo, group = Artist(name='Solo'), Artist(name='Group', group=True)
    >>> solo.save(); group.save()
    >>> solo.delete()
    """,
    "copies, deletes, trees": """\
    >>> from proteus import Model
    >>> Party = Model.get('party.party')
    >>> Category = Model.get('party.category')
    >>> root = Category(name='root'); root.save()
    >>> leaves = [Category(name=str(n), parent=root) for n in range(20)]
    >>> for leaf in leaves:
    ...     leaf.save()
    >>> one = Party(name='One'); one.categories.append(root); one.save()
    >>> address = one.addresses.new(); address.street = 'x'; one.save()
    >>> leaves[3].parent = leaves[4]; leaves[3].save()
    >>> one.delete()
    >>> for leaf in reversed(leaves):
    ...     leaf.delete()
    >>> User = Model.get('res.user')
    >>> user = User(name='Test', login='test'); user.save()
    """,
    "fails half way": """\
    >>> from proteus import Model
    >>> Party = Model.get('party.party')
    >>> Party(name='Stays').save()
    >>> Party(name='First', code='X1').save()
    >>> bad = Party(name='Fails', code='X1')
    >>> try:
    ...     bad.save()
    ... except Exception:
    ...     pass
    """,
}


class Desk:
    """Leases of the example's template, and a process that writes to them."""

    def __init__(self, pool: Pool, shelf: PostgreSQL, layer: object, process: Process):
        self.pool = pool
        self.shelf = shelf
        self.layer = layer
        self.process = process

    def write(self, lease: PoolLease, *scripts: Path) -> None:
        """Run data scripts in the suite's environment."""
        order = {
            "database": lease.database, "empty": False, "trusted": False,
            "layer": "", "parent": "", "language": "en", "modules": [], "reclimit": 3,
            "data": [str(path) for path in scripts], "roots": [], "apart": [],
        }  # fmt: skip
        self.process.order(
            order, layer=lease.layer, deadline=120, hear=lambda event: None
        )
        with connect(self.shelf.address) as connection:  # it keeps connections
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = %s AND application_name <> 'harness'",
                [lease.database],
            )

    def dump(self, lease: PoolLease) -> dict[str, object]:
        return dump(self.shelf.address, lease.database)


@pytest.fixture(scope="module", params=["local", weekly("docker")])
def desk(request: pytest.FixtureRequest, examples_state: Path) -> Iterator[Desk]:
    if request.param == "docker":
        request.getfixturevalue("contained_server")  # its image
    environ = {**os.environ, "HARNESS_STATE": str(examples_state)}
    context = Context(
        config=config.load(
            ROOT, environ, {"database.server": (request.param, "--database")}
        ),
        environ=environ,
        console=Console(io.StringIO(), environ),
        line="test",
    )
    wish = plan.PlanRequest(suite="tryton", modules=(MODULE,), coverage=False)
    [step] = plan.make(
        wish, sources=context.sources, graph=context.graph,
        official=series.official(), default_series=context.config.series,
        database=(request.param, ""), reasons={},
    )  # fmt: skip
    with ExitStack() as stack:
        env = needs.prepare(context, step)
        graph = needs.all_modules(context, step, env)
        run = stack.enter_context(Run(context.store))
        where = stack.enter_context(servers.place(context, run, request.param))
        link = str(base.link(context.store))
        variables = {**environ, **where.variables, "PYTHONPATH": link}
        builder = templates.builder(
            context, step, env, where, variables, lambda progress: None
        )
        layers = templates.layers(context, step, env, graph, where.label)
        layer = layers.resolve(Request(modules=(MODULE,), tracked=True))
        pool = Pool(builder, ahead=0, cap=4, hands=1)
        stack.callback(pool.close)
        process = stack.enter_context(Process(env.python, env=variables))
        assert isinstance(where.shelf, PostgreSQL)
        yield Desk(pool, where.shelf, layer, process)


@pytest.fixture
def lease(desk: Desk) -> Iterator[PoolLease]:
    made = desk.pool.lease(desk.layer, worker="w1")  # type: ignore[arg-type]
    yield made
    desk.pool.give_back(made)


def test_data_scripts_are_undone_one_by_one(desk: Desk, lease: PoolLease) -> None:
    pristine = desk.dump(lease)
    desk.write(lease, MASTER)
    mark, known = desk.pool.mark(lease), desk.dump(lease)
    assert difference(pristine, known)
    for _ in range(2):
        desk.write(lease, DATA)
        assert difference(known, desk.dump(lease))
        outcome, _ = desk.pool.back(lease, mark)
        assert (outcome.how, outcome.reason, outcome.left) == ("reset", "", ())
        assert outcome.rows > 100
        assert not difference(known, desk.dump(lease))
    outcome, _ = desk.pool.back(lease, PRISTINE)
    assert (outcome.how, outcome.reason) == ("reset", "")
    assert not difference(pristine, desk.dump(lease))


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_is_undone(
    desk: Desk, lease: PoolLease, tmp_path: Path, script: str
) -> None:
    pristine = desk.dump(lease)
    path = tmp_path / "script.txt"
    path.write_text(SCRIPTS[script])
    desk.write(lease, path)
    assert difference(pristine, desk.dump(lease))
    outcome, _ = desk.pool.back(lease, PRISTINE)
    assert (outcome.how, outcome.reason) == ("reset", "")
    assert not difference(pristine, desk.dump(lease))
