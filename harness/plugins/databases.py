# SPDX-License-Identifier: GPL-3.0-or-later
"""The lease behind ``DB_NAME``: taken when a test asks, kept as long as wanted."""

from __future__ import annotations

from harness.plugins.client import Lease, client


class Databases:
    """The lease behind ``DB_NAME`` of this process."""

    def __init__(self, isolation: str) -> None:
        self.isolation = isolation
        self.lease: Lease | None = None
        self.kept: Lease | None = None
        self.language = "en"
        self.place = ""
        """The test file that runs now."""
        self.kept_place = ""
        self._pool: tuple[str, ...] | None = None

    # -- what trytond's functions are answered with --------------------------

    def exist(self) -> bool:
        """Whether there is a database under ``DB_NAME``."""
        return self.lease is not None

    def open(self, modules: list[str], language: str = "en") -> None:
        """Have a database with exactly `modules` under ``DB_NAME``."""
        from trytond.pool import Pool

        from harness.plugins import tryton_database as database

        if self.lease:
            self.drop()
        lease = self._kept(modules, language)
        if lease is None:
            self._discard()
            lease = client.lease(modules, language)
            database.switch(lease.database)
        self.lease, self.language = lease, language
        self._file_store(lease.files)
        if self._pool != lease.modules:
            database.stop_pool()
            Pool(database.logical()).init()
            self._pool = lease.modules

    def _kept(self, modules: list[str], language: str) -> Lease | None:
        """A lease that this level of isolation keeps, if it is the wanted one."""
        kept = self.kept
        if kept is None or (self.isolation == "module" and self._moved()):
            return None
        same = set(modules) <= set(kept.modules) and language == self.language
        if not same or self._closure(modules) != set(kept.modules):
            return None
        self.kept = None
        return kept

    def _moved(self) -> bool:
        return self.kept_place != self.place

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
        from harness.plugins import tryton_database as database

        lease, self.lease = self.lease, None
        if lease is None:
            return
        if self.isolation in {"module", "worker"}:
            self.kept, self.kept_place = lease, self.place
            return
        database.switch(None)
        _tables_created().clear()
        client.give_back(lease)

    def keep(self, note: str) -> str:
        """A copy of the database as it is now, that outlives the run; its name."""
        from harness.plugins import tryton_database as database

        if self.lease is None:
            return ""
        name = client.keep(self.lease, note)
        database.close()
        return name

    def end(self) -> None:
        """Give back all that this process has."""
        self.isolation, isolation = "class", self.isolation
        self.drop()
        self._discard()
        self.isolation = isolation

    def _discard(self) -> None:
        """Give back what was kept for a test that came to want something else."""
        from harness.plugins import tryton_database as database

        kept, self.kept = self.kept, None
        if kept is not None:
            database.switch(None)
            _tables_created().clear()
            client.give_back(kept)

    def renew(self) -> None:
        """The same database again, as it was: isolation by test."""
        if self.lease:
            modules, language = list(self.lease.modules), self.language
            self.drop()
            self.open(modules, language)

    def restore(self, name: str) -> bool:
        """trytond's ``restore_db_cache``: `name` has the modules, maybe more."""
        modules, _, more = name.partition("--")
        self.open(modules.split("-"), more or "en")
        return True

    def create(self, name: str, language: str) -> None:
        """trytond's ``create_db``."""
        from trytond.pool import Pool

        if self.lease is None:
            self.open([], language)
        else:
            Pool(name).init()

    @staticmethod
    def _file_store(path: str) -> None:
        from trytond import config

        config = getattr(config, "config", config)
        config.set("database", "path", path)


def _tables_created() -> set[str]:
    """Tables that trytond's own tests made (8.0 and newer)."""
    from trytond import tests

    created: set[str] = getattr(tests, "TABLES_CREATED", set())
    return created
