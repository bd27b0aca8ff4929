# SPDX-License-Identifier: GPL-3.0-or-later
"""Transactions of requests, and what happens around their ends."""

from nose.tools import (
    assert_equal,
    assert_false,
    assert_in,
    assert_is_none,
    assert_raises,
    assert_true,
    raises,
)
from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPBadRequest, HTTPFound
from pyramid.request import Request
from pyramid.response import Response
from trytond import backend
from trytond.pool import Pool
from trytond.transaction import Transaction

from portal_web.tdb import Tdb
from portal_web.tests import support

tdb = None


def setUpModule():
    global tdb
    tdb = Tdb(support.settings().database)


def named(name):
    return support.count("artist", ("name", "=", name))


def write(name):
    support.get("artist").create([{"name": name}])


class TestTransaction:
    def setup(self):
        self.name = support.unique("Written")

    def teardown(self):
        assert_is_none(Transaction().user)

    def test_commit(self):
        with tdb.transaction():
            write(self.name)
        assert_equal(named(self.name), 1)

    def test_rollback_by_an_exception(self):
        with assert_raises(ZeroDivisionError), tdb.transaction():
            write(self.name)
            raise ZeroDivisionError
        assert_equal(named(self.name), 0)

    def test_rollback_by_hand(self):
        with tdb.transaction() as work:
            write(self.name)
            work.rollback()
        assert_equal(named(self.name), 0)

    def test_one_that_only_reads_cannot_write(self):
        error = assert_raises(Exception)  # its class depends on the driver
        with error as caught, tdb.transaction(readonly=True):
            write(self.name)
        assert_in("read-only transaction", str(caught.exception))

    @raises(RuntimeError)
    def test_there_is_one_in_a_thread(self):
        with tdb.transaction(), tdb.transaction():
            pass

    def test_context(self):
        with tdb.transaction(language="de"):
            context = Transaction().context
            assert_equal(context["language"], "de")
            assert_equal(context["company"], tdb.company)
            assert_equal(context["companies"], [tdb.company])
            assert_equal(Transaction().user, tdb.user)

    def test_its_user_is_that_of_the_settings(self):
        with tdb.transaction(readonly=True):
            assert_equal(Pool().get("res.user")(tdb.user).login, "admin")

    def test_a_user_who_is_not_there(self):
        with assert_raises(LookupError):
            Tdb(tdb.name, user="nobody")


class TestEnds:
    """What waits for the end is called at one end."""

    def setUp(self):
        self.called = []

    def wait(self, work):
        work.on_commit(lambda: self.called.append("committed"))
        work.on_rollback(lambda: self.called.append("undone"))

    def test_after_commit(self):
        with tdb.transaction() as work:
            self.wait(work)
            assert_equal(self.called, [])
        assert_equal(self.called, ["committed"])

    def test_after_an_exception(self):
        with assert_raises(KeyError), tdb.transaction() as work:
            self.wait(work)
            raise KeyError
        assert_equal(self.called, ["undone"])

    def test_no_transaction_is_open_then(self):
        with tdb.transaction() as work:
            work.on_commit(lambda: self.called.append(Transaction().user))
        assert_equal(self.called, [None])


class TestRequests:
    """An application of one view."""

    @classmethod
    def setup_class(cls):
        config = Configurator(settings={"portal_web.retries": 2})
        config.registry.tdb = tdb
        config.add_request_method(lambda request: "en", "locale_name", reify=True)
        config.include("portal_web.tdb")
        config.add_route("it", "/it")
        config.add_view(lambda request: cls.view(request), route_name="it")
        config.add_view(
            lambda error, request: Response(status=503),
            context=backend.DatabaseOperationalError,
        )
        cls.app = config.make_wsgi_app()

    def ask(self, view, method="POST"):
        type(self).view = staticmethod(view)
        return Request.blank("/it", method=method).get_response(self.app)

    def setup(self):
        self.name = support.unique("Asked")

    def respond(self, status, **attributes):
        def view(request):
            write(self.name)
            for key, value in attributes.items():
                setattr(request.work, key, value)
            return Response(status=status)

        return view

    def test_success_is_kept(self):
        self.ask(self.respond(201))
        assert_equal(named(self.name), 1)

    def test_an_error_is_not(self):
        assert_equal(self.ask(self.respond(422)).status_int, 422)
        assert_equal(named(self.name), 0)

    def test_an_error_may_be_kept(self):
        self.ask(self.respond(422, keep=True))
        assert_equal(named(self.name), 1)

    def test_a_redirection_that_is_raised_is_kept(self):
        def view(request):
            write(self.name)
            raise HTTPFound("/")

        assert_equal(self.ask(view).status_int, 302)
        assert_equal(named(self.name), 1)

    def test_an_error_that_is_raised_is_not(self):
        def view(request):
            write(self.name)
            raise HTTPBadRequest

        assert_equal(self.ask(view).status_int, 400)
        assert_equal(named(self.name), 0)

    def test_get_cannot_write(self):
        seen = []

        def view(request):
            seen.append(Transaction().readonly)
            return Response()

        self.ask(view, "GET")
        self.ask(view, "POST")
        assert_equal(seen, [True, False])

    def test_who_lost_tries_again(self):
        tries = []

        def view(request):
            tries.append(request)
            write(self.name)
            if len(tries) < 3:
                raise backend.DatabaseOperationalError("could not serialize access")
            return Response("third")

        answer = self.ask(view)
        assert_equal(answer.text, "third")
        assert_equal(named(self.name), 1)
        assert_equal(len(set(map(id, tries))), 3)

    def test_but_not_for_ever(self):
        tries = []

        def view(request):
            tries.append(1)
            raise backend.DatabaseOperationalError("could not serialize access")

        assert_equal(self.ask(view).status_int, 503)
        assert_equal(len(tries), 3)

    def test_a_lost_update_is_made_again(self):
        """Two write the same record: PostgreSQL refuses the second, once."""
        with tdb.transaction():
            write(self.name)
        tries = []

        def view(request):
            Artist = support.get("artist")
            (artist,) = Artist.search([("name", "=", self.name)])
            if not tries:
                tries.append(1)
                with Transaction().new_transaction():
                    Artist.write([Artist(artist.id)], {"description": "first"})
            Artist.write([artist], {"description": f"{artist.description} second"})
            return Response()

        assert_equal(self.ask(view).status_int, 200)
        with tdb.transaction(readonly=True):
            (artist,) = support.get("artist").search([("name", "=", self.name)])
            assert_in(artist.description, {"first second", "None second"})
            assert_true(artist.description.startswith("first"))

    def test_nothing_is_left_open(self):
        self.ask(self.respond(500))
        assert_false(Transaction().user)
