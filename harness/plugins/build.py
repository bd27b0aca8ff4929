# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m harness.plugins.build``: fills templates, in the suite's interpreter.

It reads orders, one JSON object a line, and answers each with events, one JSON
object a line: ``{"module": …}`` while modules are loaded, ``{"line": …}`` while a
program speaks, then ``{"done": …}`` with what was read of the project and the trace of
all that was done until then, or ``{"error": …}``.  The controller copies the database
between two orders, so the classes that are set up already serve the next layer too.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import sys
import time
import traceback
from importlib import metadata
from pathlib import Path
from typing import Any

from harness.plugins import compiled, filling, lifeline, reading, views
from harness.plugins.trace import observing


def main() -> int:
    """Carry out orders until there are no more; the exit code."""
    lifeline.hold()
    reading.begin()
    compiled.distrust()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def answer(**event: Any) -> None:
        answers.write(json.dumps(event) + "\n")
        answers.flush()

    builder: Any = None
    for line in sys.stdin:
        order = json.loads(line)
        started = time.perf_counter()
        seen = _observed(order)
        try:
            builder = builder or Builder(answer, seen)
            builder.carry_out(order)
        except BaseException as error:
            trouble = error if builder else broken_module() or error
            answer(error=filling.reason(trouble), trace=_trace(trouble))
            return 1
        read = reading.found(order["observe"]["roots"])
        trace = seen.trace({*seen.marks, *seen.kept}) if seen else None
        answer(done=time.perf_counter() - started, read=read, trace=trace)
    return 0


def _observed(order: dict[str, Any]) -> Any:
    """What sees the sources' doings, from the first order on; None if it shall not."""
    if not order["observe"]["roots"]:
        return None
    root, *sources = order["observe"]["roots"]
    return observing.start(root, sources, apart=order["observe"]["apart"])


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(type(error), error, error.__traceback__))


def broken_module() -> BaseException | None:
    """Why an installed module cannot be imported, if one cannot.

    trytond reports a missing ``tryton.cfg`` in its place.
    """
    group = "trytond.modules"
    found: Any = metadata.entry_points()
    chosen = found.select(group=group) if hasattr(found, "select") else found[group]
    for entry in chosen:
        try:
            entry.load()
        except BaseException as error:
            return error
    return None


class Progress(logging.Handler):
    """Turns trytond's own log of loaded modules into events."""

    def __init__(self, answer: Any) -> None:
        super().__init__(logging.INFO)
        self.answer = answer

    def emit(self, record: logging.LogRecord) -> None:
        """A bare module name is the start of that module."""
        message = record.getMessage()
        if " " not in message and ":" not in message:
            self.answer(module=message)


class Builder:
    """One database after the other, in one process."""

    def __init__(self, answer: Any, observer: Any) -> None:
        gc.disable()  # it holds 160 MB in the end, and 5 % of the time
        from harness.plugins import accelerate

        accelerate.locations()
        from trytond.tests import test_tryton

        from harness.plugins import tryton_database

        self.answer = answer
        self.filled = ""
        """The layer whose modules are set up."""
        self.tests = test_tryton
        if observer:
            views.follow(observer)
        self.database = tryton_database
        tryton_database.install()
        if os.environ["TRYTOND_DATABASE_URI"].startswith("postgresql"):
            accelerate.statements()
            self.sqlite = False
        else:
            self.sqlite = True
        from trytond.model import ModelStorage

        self.validate = ModelStorage.__dict__["_validate"]
        logger = logging.getLogger("trytond.modules")
        logger.setLevel(logging.INFO)
        logger.propagate = False
        logger.addHandler(Progress(answer))

    def carry_out(self, order: dict[str, Any]) -> None:
        """Fill the database that the order names, as the order says."""
        if order["parent"] != self.filled:  # another run has built what is between
            self.database.stop_pool()
        self._open(order["database"], empty=order["empty"])
        self._trust(order["trusted"])
        if order["empty"]:
            self._base(order["language"])
        if order["modules"]:
            self._activate(order["modules"], listed=order["trusted"])
        for path in order["data"]:
            filling.document(Path(path), order["reclimit"])
        if self.sqlite:
            self.database.save(order["database"])
        self.database.close()
        self.filled = order["layer"]
        if order.get("program"):
            if self.sqlite:
                raise filling.ScriptError(
                    "a program needs PostgreSQL: --database local"
                )
            filling.execute(order["program"], order["database"], self.answer)

    def _open(self, target: str, *, empty: bool) -> None:
        self.database.switch(None if self.sqlite and empty else target)
        self.database.current = target

    def _trust(self, trusted: bool) -> None:
        from trytond.model import ModelStorage

        from harness.plugins import accelerate

        if trusted:
            accelerate.validation()
        else:
            # As it was before `accelerate.validation`:
            # https://foss.heptapod.net/tryton/tryton/-/blob/branch/7.0/trytond/trytond/model/modelstorage.py
            ModelStorage._validate = self.validate

    def _base(self, language: str) -> None:
        """What trytond's own ``create_db`` does with a database that is there."""
        from sql import Table
        from trytond import backend
        from trytond.pool import Pool
        from trytond.transaction import Transaction

        name = self.database.logical()
        database = backend.Database(name).connect()
        connection = database.get_connection()
        try:
            cursor = connection.cursor()
            database.init()
            table = Table("ir_configuration")
            cursor.execute(*table.insert([table.language], [[language]]))
            connection.commit()
        finally:
            database.put_connection(connection)
        pool = Pool(name)
        pool.init(update=["res", "ir"], lang=[language])
        with Transaction().start(name, 0) as transaction:
            User, Lang = pool.get("res.user"), pool.get("ir.lang")
            (record,) = Lang.search([("code", "=", language)])
            record.translatable = True
            record.save()
            users = User.search([("login", "!=", "root")])
            User.write(users, {"language": record.id})
            if not users:
                self._administrator(User, record.id)
            pool.get("ir.module").update_list()
            transaction.commit()

    def _administrator(self, users: Any, language: int) -> None:
        """The user with the number 1, whom trytond before 8.2 makes by itself."""
        from trytond.transaction import Transaction

        values = {"login": "admin", "name": "Administrator", "administrator": True}
        (made,) = users.create([{**values, "language": language}])
        table = users.__table__()
        cursor = Transaction().connection.cursor()
        cursor.execute(*table.update([table.id], [1], where=table.id == made.id))

    def _activate(self, names: list[str], *, listed: bool) -> None:
        """What trytond's own ``activate_module`` does.

        Unless all modules are `listed` well enough, they are listed again: others may
        be installed now than when the layers below were built.
        """
        from trytond.pool import Pool
        from trytond.transaction import Transaction

        name = self.database.logical()
        Pool(name).init()
        with Transaction().start(name, 1, close=True) as transaction:
            pool = Pool()
            Module = pool.get("ir.module")
            records = Module.search([("name", "in", names)])
            if not listed or len(records) < len(names):
                Module.update_list()
                records = Module.search([("name", "in", names)])
            missing = set(names) - {record.name for record in records}
            if missing:
                raise LookupError(f"not installed: {', '.join(sorted(missing))}")
            waiting = [record for record in records if record.state != "activated"]
            if not waiting:
                return
            Module.activate(waiting)
            transaction.commit()
            Upgrade = pool.get("ir.module.activate_upgrade", type="wizard")
            instance, _, _ = Upgrade.create()
            transaction.commit()
            Upgrade(instance).transition_upgrade()
            Upgrade.delete(instance)
            transaction.commit()


if __name__ == "__main__":
    raise SystemExit(main())
