# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what: nobody without a login, nobody with records of others."""

from nose.tools import assert_equal, assert_in, eq_, nottest
from pyramid.interfaces import IRoutesMapper

from portal_web.tests import support
from portal_web.tests.support import ADA, BELA

OPEN = {
    "home", "health", "licences", "repertoire", "language", "register", "verify",
    "login", "logout", "__static/",
}  # fmt: skip
SINGLE = {
    "artist": ("", "/edit", "/members", "/members/1/remove"),
    "creation": (
        "", "/edit", "/contributions", "/licences", "/contributions/1/remove",
        "/licences/1/remove", "/submit", "/reopen", "/delete",
    ),
    "release": (
        "", "/edit", "/tracks", "/tracks/1/remove", "/announce", "/revise",
        "/publish", "/withdraw", "/delete",
    ),
}  # fmt: skip
LISTS = (
    "/profile",
    "/profile/password",
    "/artists",
    "/artists/new",
    "/creations",
    "/creations/new",
    "/releases",
    "/releases/new",
    "/uploads",
    "/uploads/new",
)
OF_BELA = {"artist": "Bela Bolt", "creation": "Copper Wire", "release": "Wires"}

browsers = {}


def setup_module():
    browsers["nobody"] = support.browser()
    browsers["ada"] = support.browser(who=ADA)


def teardown_module():
    browsers.clear()


@nottest
def addresses():
    for kind, ends in SINGLE.items():
        for end in ends:
            yield kind, end


@nottest
def path_of(kind, end):
    field = "name" if kind == "artist" else "title"
    return f"/{kind}s/{support.number(kind, OF_BELA[kind], field)}{end}"


@nottest
def token(who):
    return browsers[who].get("/").forms["language-form"]["csrf_token"].value


@nottest
def nobody_is_sent_to_the_login(path):
    answer = browsers["nobody"].get(path)
    eq_(answer.status_int, 303)
    assert_in("/login?next=", answer.location)


def test_lists_need_a_login():
    for path in LISTS:
        yield nobody_is_sent_to_the_login, path


@nottest
def nobody_writes(kind, end):
    path = path_of(kind, end)
    answer = browsers["nobody"].post(path, {"csrf_token": token("nobody")}, status="*")
    assert answer.status_int == 404 or answer.location.endswith("/login"), answer


def test_nobody_writes():
    for kind, end in addresses():
        yield nobody_writes, kind, end


@nottest
def others_look_like_nothing(method, kind, end):
    app = browsers["ada"]
    if method == "GET":
        answer = app.get(path_of(kind, end), status="*")
    else:
        answer = app.post(path_of(kind, end), {"csrf_token": token("ada")}, status="*")
    eq_(answer.status_int, 404)
    assert OF_BELA[kind] not in answer.text


def test_others_look_like_nothing():
    for kind, end in addresses():
        yield others_look_like_nothing, "GET", kind, end
        yield others_look_like_nothing, "POST", kind, end


@nottest
def needs_a_token(path):
    for sent in ({}, {"csrf_token": ""}, {"csrf_token": "guessed"}):
        answer = browsers["ada"].post(path, sent, status="*")
        eq_(answer.status_int, 400)


def test_each_post_needs_a_token():
    for path in ("/login", "/logout", "/register", "/language", *LISTS):
        if path in {"/artists", "/creations", "/releases", "/uploads"}:
            continue
        yield needs_a_token, path


@nottest
def own_needs_a_token(kind, end):
    own = {
        "artist": "Ada Lark",
        "creation": "Unfinished Field",
        "release": "More Fields",
    }
    field = "name" if kind == "artist" else "title"
    number = support.number(kind, own[kind], field)
    path = f"/{kind}s/{number}{end}"
    eq_(browsers["ada"].post(path, {}, status="*").status_int, 404 if not end else 400)


def test_each_post_on_ones_own_needs_a_token():
    for kind, end in addresses():
        yield own_needs_a_token, kind, end


class TestAllRoutes:
    """No address is forgotten above."""

    def test_each_is_open_or_tested(self):
        mapper = support.application().registry.getUtility(IRoutesMapper)
        names = {route.name for route in mapper.get_routes()} - OPEN
        single = {name for name in names if name.partition("_")[0] in SINGLE}
        single -= {"artist_new", "creation_new", "release_new"}
        lists = names - single
        assert_equal(len(lists), len(LISTS))
        patterns = {r.name: r.pattern for r in mapper.get_routes()}
        covered = {
            "artist": 4,
            "creation": 6,  # submit, reopen, delete are one; so are both removals
            "release": 5,  # the five steps are one
        }
        for kind, number in covered.items():
            of_kind = [n for n in single if n.partition("_")[0] == kind]
            assert_equal(len(of_kind), number, [patterns[n] for n in of_kind])


class TestOnePage:
    """Another member's page, seen through one's own search."""

    def test_search_does_not_help(self):
        for path in ("/artists", "/creations", "/releases", "/uploads"):
            page = browsers["ada"].get(path, {"q": "Bolt"})
            assert_equal(page.html.select("#list li"), [])

    def test_bela_sees_them(self):
        app = support.browser(who=BELA)
        for kind, name in OF_BELA.items():
            assert_equal(app.get(path_of(kind, "")).html.h1.get_text(), name)
