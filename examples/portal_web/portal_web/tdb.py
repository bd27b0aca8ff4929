# SPDX-License-Identifier: GPL-3.0-or-later
"""Tryton in this process: one transaction a request, and none left open.

A request that only reads gets a transaction that cannot write.  Others commit
when their response says that they succeeded, and are rolled back for an error
or an exception.  A request that lost against another one is made once more.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPException
from pyramid.request import Request
from pyramid.response import Response
from pyramid.tweens import EXCVIEW
from trytond import backend
from trytond import transaction as transactions
from trytond.pool import Pool
from trytond.transaction import Transaction

logger = logging.getLogger(__name__)


class _NoTransactionError(Exception):
    def fix(self, extras: dict[str, Any]) -> None:
        """Series 6.6 does not ask for locks."""


TransactionError = getattr(transactions, "TransactionError", _NoTransactionError)
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
LOST = (backend.DatabaseOperationalError, TransactionError)
"""What a transaction that lost against another one raises."""
EXTRAS = "portal_web.transaction"


class Work:
    """The transaction of a request, and what is to be done when it has ended."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction
        self.keep = False
        self._committed: list[Callable[[], object]] = []
        self._undone: list[Callable[[], object]] = []

    def rollback(self) -> None:
        """Undo what was written so far; the transaction goes on."""
        self.transaction.rollback()

    def on_commit(self, action: Callable[[], object]) -> None:
        """Call `action` if, and when, all that was written is safe."""
        self._committed.append(action)

    def on_rollback(self, action: Callable[[], object]) -> None:
        """Call `action` if what was written is lost."""
        self._undone.append(action)

    def finish(self, *, committed: bool) -> None:
        """Call what waits for this end."""
        for action in self._committed if committed else self._undone:
            action()


class Tdb:
    """A Tryton database, as one of its users and for that user's company."""

    def __init__(self, name: str, *, user: str = "admin") -> None:
        self.name = name
        self.pool = Pool(name)
        self.pool.init()
        self.user, self.company = self._identify(user)

    def _identify(self, login: str) -> tuple[int, int | None]:
        with Transaction().start(self.name, 0, readonly=True):
            User = self.pool.get("res.user")
            users = User.search([("login", "=", login)])
            if not users:
                raise LookupError(f"the database {self.name} has no user {login!r}")
            company = users[0].company
            if company is None:
                companies = self.pool.get("company.company").search([], limit=1)
                company = companies[0] if companies else None
            return users[0].id, company.id if company else None

    def context(self, language: str) -> dict[str, Any]:
        """Tryton's context of a request in a language."""
        context: dict[str, Any] = {"language": language}
        if self.company:
            context.update(company=self.company, companies=[self.company])
        return context

    @contextmanager
    def transaction(
        self, *, readonly: bool = False, language: str = "en", **extras: Any
    ) -> Iterator[Work]:
        """A transaction: committed at the end, rolled back by an exception."""
        transaction = Transaction()
        if transaction.user is not None:
            raise RuntimeError("there is a transaction in this thread already")
        work, committed = None, False
        try:
            with transaction.start(
                self.name,
                self.user,
                readonly=readonly,
                context=self.context(language),
                **extras,
            ):
                work = Work(transaction)
                yield work
            committed = True
        finally:
            if work:
                work.finish(committed=committed)


class _Undo(Exception):
    """Rolls the transaction back; the response is good as it is."""

    def __init__(self, response: Response) -> None:
        self.response = response


def tween_factory(
    handler: Callable[[Request], Response], registry: Any
) -> Callable[[Request], Response]:
    """The tween that gives each request but those for static files its transaction."""

    def tween(request: Request) -> Response:
        if request.environ["PATH_INFO"].startswith("/static/"):
            return handler(request)
        extras = request.environ.setdefault(EXTRAS, {})
        redirect = None
        try:
            with registry.tdb.transaction(
                readonly=request.method in SAFE,
                language=request.locale_name,
                **extras,
            ) as work:
                request.work = work
                try:
                    response = handler(request)
                except HTTPException as error:
                    if error.status_int >= 400:
                        raise
                    response = redirect = error
                if response.status_int >= 400 and not work.keep:
                    raise _Undo(response)
        except _Undo as undo:
            return undo.response
        except TransactionError as error:
            error.fix(extras)
            raise
        if redirect is not None:
            raise redirect
        return response

    return tween


def execution_policy(environ: dict[str, Any], router: Any) -> Response:
    """Make a request once more if its transaction lost against another one."""
    sent = environ.get("wsgi.input")
    try:
        return _respond(environ, router)
    finally:
        _close(environ, sent)


def _close(environ: dict[str, Any], sent: Any) -> None:
    """Close the temporary files that WebOb made of what was sent."""
    parsed, _ = environ.pop("webob._parsed_post_vars", ((), None))
    for value in getattr(parsed, "values", list)():
        file = getattr(value, "file", None)
        if file is not None:
            file.close()
    copied = environ.get("wsgi.input")
    if copied is not sent:
        copied.close()
        environ["wsgi.input"] = sent


def _respond(environ: dict[str, Any], router: Any) -> Response:
    retries = router.registry.settings["portal_web.retries"]
    for attempt in range(retries + 1):
        if attempt:
            time.sleep(random.uniform(0, 0.02 * attempt))  # noqa: S311
        with router.request_context(environ) as request:
            try:
                response = router.invoke_request(request)
                lost = isinstance(getattr(request, "exception", None), LOST)
            except LOST:
                if attempt == retries:
                    raise
                lost = True
            if not lost or attempt == retries:
                return response
            path = request.environ["PATH_INFO"]
            logger.info("%s %r is made once more", request.method, path)
    raise AssertionError("unreachable")


def includeme(config: Configurator) -> None:
    """Transactions for all requests; the registry has the database as ``tdb``."""
    config.add_tween(f"{__name__}.tween_factory", under=EXCVIEW)
    config.set_execution_policy(execution_policy)
