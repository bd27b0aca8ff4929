# SPDX-License-Identifier: GPL-3.0-or-later
"""The lease behind ``DB_NAME``: taken when a test asks, kept as long as wanted.

Levels of tests (modules, classes, tests) begin and end around it.  At the end of one
that the isolation names, what was activated inside of it is gone, and what wider
fixtures have activated is as it was when the level began.
"""

from __future__ import annotations

from typing import Any

from harness.plugins import isolation, transactions
from harness.plugins.client import Lease, client
from harness.plugins.keeper import Doubt, words


class Begun:
    """A level that has begun, and what there was then."""

    def __init__(self, level: str, *, acts: bool) -> None:
        self.level = level
        self.acts = acts
        """Whether its end puts back what there was."""
        self.transactions = transactions.opened()
        self.lease: Lease | None = None
        self.hidden = False
        self.home: Begun | None = None
        self.mark: int | None = None
        """Of the lease, where it can be changed inside and the server has its log."""
        self.content: Any = None
        """The lease's content, where it is in this process's memory."""


class Databases:
    """The lease behind ``DB_NAME`` of this process."""

    def __init__(self, level: str) -> None:
        self.isolation = level
        """What the test that runs now asks for."""
        self.finest = level
        """The finest isolation that a test of this session asks for."""
        self.lease: Lease | None = None
        self.hidden = False
        """Whether the lease was dropped by the tests, and is kept for the next."""
        self.home: Begun | None = None
        """The level in which the lease was taken."""
        self.begun: list[Begun] = []
        self.language = "en"
        self.listed = ""
        """The lease that has been asked which modules it knows."""
        self._pool: tuple[Any, ...] = ()

    # -- what trytond's functions are answered with --------------------------

    def exist(self) -> bool:
        """Whether there is a database under ``DB_NAME``."""
        return self.lease is not None and not self.hidden

    def open(self, modules: list[str], language: str = "en") -> None:
        """Have a database with exactly `modules` under ``DB_NAME``."""
        from harness.plugins import tryton_database as database

        self.drop()
        if not self._same(modules, language):
            self._give_up()
            inner = self.begun[-1].level if self.begun else "worker"
            tracked = isolation.rank(self.finest) > isolation.rank(inner)
            self.lease = client.lease(modules, language, tracked=tracked)
            self.language = language
            self.home = self.begun[-1] if self.begun else None
            database.switch(self.lease.database)
        self.hidden = False
        self._ready()

    def _ready(self) -> None:
        """Files and classes are those of the lease."""
        from trytond import config
        from trytond.pool import Pool

        from harness.plugins import tryton_database as database

        assert self.lease is not None
        config = getattr(config, "config", config)
        config.set("database", "path", self.lease.files)
        if self._pool != (self.lease.modules, database.loaded()):
            database.stop_pool()
            Pool(database.logical()).init()
            self._pool = (self.lease.modules, database.loaded())

    def _same(self, modules: list[str], language: str) -> bool:
        """Whether the lease that was kept is the wanted one, and nobody else's."""
        lease = self.lease
        if lease is None or language != self.language or self._held(lease):
            return False
        known = set(lease.modules)
        return set(modules) <= known and self._closure(modules) == known

    def _held(self, lease: Lease) -> bool:
        """Whether a level that has begun will want it back."""
        return any(one.lease and one.lease.key == lease.key for one in self.begun)

    def _closure(self, modules: list[str]) -> set[str]:
        from trytond.modules import get_module_info

        found: set[str] = set()
        todo = [name for name in modules if name not in {"ir", "res"}]
        while todo:
            name = todo.pop()
            if name not in found:
                found.add(name)
                depends = get_module_info(name).get("depends", [])
                todo += [other for other in depends if other not in {"ir", "res"}]
        return found

    def drop(self) -> None:
        """There is no database under ``DB_NAME`` any more."""
        if not self.exist():
            return
        self.hidden = True
        if self.isolation not in {"module", "worker"}:
            self._give_up()

    def _give_up(self) -> None:
        """Have no lease; who wants it back has it still."""
        from harness.plugins import tryton_database as database

        lease, self.lease, self.hidden = self.lease, None, False
        if lease is None:
            return
        database.switch(None)
        _tables_created().clear()
        if not self._held(lease):
            client.give_back(lease)

    def keep(self, note: str) -> str:
        """A copy of the database as it is now, that outlives the run; its name."""
        from harness.plugins import tryton_database as database

        if self.lease is None or self.hidden:
            return ""
        name = client.keep(self.lease, note)
        database.close()
        return name

    def end(self) -> None:
        """Give back all that this process has."""
        held = {one.lease.key: one.lease for one in self.begun if one.lease}
        if self.lease is not None:
            held.pop(self.lease.key, None)
        self.begun.clear()
        self._give_up()
        for lease in held.values():
            client.give_back(lease)

    def restore(self, name: str) -> bool:
        """trytond's ``restore_db_cache``: `name` has the modules, maybe more."""
        modules, _, more = name.partition("--")
        self.open(modules.split("-"), more or "en")
        return True

    def create(self, name: str, language: str) -> None:
        """trytond's ``create_db``."""
        from trytond.pool import Pool

        from harness.plugins import tryton_database as database

        if self.exist():
            Pool(name).init()
            if self.lease and self.listed != self.lease.key:
                self.listed = self.lease.key
                database.list_modules()
        else:
            self.open([], language)

    # -- levels --------------------------------------------------------------

    def enter(self, level: str, asked: str) -> None:
        """A level begins that asks for an isolation; fixtures of wider ones are done.

        Where there is no database, as nearly always, that costs nothing.
        """
        begun = Begun(level, acts=isolation.acts(asked, level))
        if begun.acts and self.lease is not None:
            begun.lease, begun.hidden = self.lease, self.hidden
            begun.home = self.home
            self._remember(begun)
        self.begun.append(begun)

    def _remember(self, begun: Begun) -> None:
        """The state of what there is; hide it where tests of another class left it."""
        from harness.plugins import tryton_database as database

        assert self.lease is not None
        wider = self.home is None or self.home in self.begun
        if database.in_memory():
            begun.content = database.content()
        elif wider and not self.hidden:
            log = self.lease.mark and not self.lease.untracked
            begun.mark = client.mark(self.lease) if log else self.lease.mark
        if not wider:
            self.hidden = True

    def leave(self, level: str) -> None:
        """A level is over, with all its fixtures.

        Raises `Doubt` where what wider fixtures have made cannot be had again.
        """
        at = max(n for n, one in enumerate(self.begun) if one.level == level)
        begun = self.begun.pop(at)
        if not begun.acts:
            return
        transactions.end(
            [one for one in transactions.opened() if one not in begun.transactions]
        )
        if begun.lease is None:
            self._give_up()
        else:
            self._back(begun, begun.lease)

    def _back(self, begun: Begun, lease: Lease) -> None:
        """Have the lease that there was, as it was."""
        from harness.plugins import tryton_database as database

        another = self.lease is None or self.lease.key != lease.key
        if another:
            self._give_up()
        doubt = ""
        if begun.mark is not None:
            way = client.back(lease, begun.mark)
            another = another or way.how == "exchanged" or bool(way.left)
            lease = way.lease
            for one in self.begun:
                if one.lease is not None and one.lease.key == lease.key:
                    one.lease = lease
            doubt = words(way) if way.how == "doubt" else ""
            if way.how != "clean":
                database.forget()
        self.lease, self.hidden, self.home = lease, begun.hidden, begun.home
        if begun.content is not None:
            database.refill(begun.content)
        elif another:
            database.switch(lease.database)
        self._ready()
        if doubt:
            raise Doubt(f"a test {doubt}")


def _tables_created() -> set[str]:
    """Tables that trytond's own tests made (8.0 and newer)."""
    from trytond import tests

    created: set[str] = getattr(tests, "TABLES_CREATED", set())
    return created
