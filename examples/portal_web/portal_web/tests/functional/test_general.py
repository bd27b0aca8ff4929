# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages for everybody."""

from nose.tools import (
    assert_equal,
    assert_false,
    assert_in,
    assert_not_in,
    eq_,
    nottest,
)
from webob import Request

from portal_web.i18n import LANGUAGES
from portal_web.tests import support

app = None


def setupModule():
    global app
    app = support.browser()


def teardownModule():
    global app
    app = None


@nottest
def answers(path, title):
    page = app.get(path)
    eq_(page.html.h1.get_text(), title)
    eq_(len(page.html.find_all("h1")), 1)


def test_pages():
    for path, title in [
        ("/", "Welcome"),
        ("/licences", "Licences"),
        ("/repertoire", "Repertoire"),
        ("/login", "Log in"),
        ("/register", "Register"),
    ]:
        yield answers, path, title


@nottest
def is_sound(path, who):
    """What a reader of the screen needs is there; a browser checks the rest."""
    html = support.browser(who=who).get(path).html
    assert_in(html.html["lang"], LANGUAGES)
    ids = [tag["id"] for tag in html.find_all(id=True)]
    eq_(sorted(ids), sorted(set(ids)))
    for tag in html.find_all(["input", "select", "textarea"]):
        if tag.get("type") in {"hidden", "checkbox"}:
            continue
        assert html.find("label", attrs={"for": tag["id"]}), tag
    for tag in html.find_all(attrs={"aria-describedby": True}):
        for name in tag["aria-describedby"].split():
            assert name in ids, tag
    assert html.main and html.nav and html.footer and html.header
    assert not html.find_all("script")
    for tag in html.find_all(["img", "link", "script"]):
        assert (tag.get("src") or tag.get("href")).startswith("/static/"), tag


def test_sound():
    for path in ["/", "/licences", "/repertoire", "/login", "/register"]:
        yield is_sound, path, None
    for path in [
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
    ]:
        yield is_sound, path, support.ADA


class TestHealth:
    def test_it_answers(self):
        answer = app.get("/health").json
        assert_equal(answer, {"status": "ok", "service": "portal"})

    def test_it_makes_no_session(self):
        assert_not_in("Set-Cookie", support.browser().get("/health").headers)


@nottest
def has_header(path, status, name, words):
    assert_in(words, app.get(path, status=status).headers[name])


def test_headers():
    for path, status in [("/", 200), ("/nothing", 404), ("/static/portal.css", 200)]:
        yield has_header, path, status, "Content-Security-Policy", "default-src 'none'"
        yield has_header, path, status, "X-Content-Type-Options", "nosniff"
        yield has_header, path, status, "Referrer-Policy", "same-origin"
    yield has_header, "/", 200, "Cache-Control", "no-store"
    yield has_header, "/static/portal.css", 200, "Cache-Control", "max-age"


class TestCookie:
    def test_it_is_for_the_server_alone(self):
        cookie = support.browser().get("/login").headers["Set-Cookie"]
        assert_in("HttpOnly", cookie)
        assert_in("SameSite=Lax", cookie)

    def test_one_that_was_changed_is_none(self):
        browser = support.browser(who=support.ADA)
        value = browser.cookies["portal_session"]
        browser.set_cookie("portal_session", value[:-6] + "AAAAAA")
        assert_equal(browser.get("/profile").status_int, 303)


@nottest
def is_error(path, status, words):
    page = app.get(path, status=status)
    assert_in(words, page.html.h1.get_text())
    assert_not_in("Traceback", page.text)


def test_errors():
    for path in [
        "/nothing",
        "/artists/x",
        "/artists/99999999999",
        "/verify/short",
        "/a%00b",
    ]:
        yield is_error, path, 404, "no such page"
    yield is_error, "/repertoire?q=%ff", 400, "cannot be understood"


class TestPathThatIsNoText:
    """WebTest does not send one, so the application is called as a server does."""

    def test_it_is_a_bad_request(self):
        environ = Request.blank("/").environ
        environ["PATH_INFO"] = "/\xff"
        statuses = []
        list(support.application()(environ, lambda status, _: statuses.append(status)))
        assert_equal(statuses, ["400 Bad Request"])


class TestRepertoire:
    """What is registered can be searched by everybody."""

    def titles(self, **words):
        page = app.get("/repertoire", words)
        return [tag.get_text() for tag in page.html.select("#list strong")]

    def test_only_what_is_registered(self):
        titles = self.titles(q="Field")
        assert_in("Morning Field", titles)
        assert_not_in("Unfinished Field", titles)

    def test_by_artist(self):
        assert_equal(self.titles(q="bela bolt"), ["Copper Wire"])

    def test_by_code(self):
        assert_equal(len(self.titles(q="C00000001")), 1)

    def test_nothing_is_found(self):
        page = app.get("/repertoire", {"q": "no such title"})
        assert_in("Nothing is found.", page.text)

    def test_wildcards_are_meant_as_they_are(self):
        assert_equal(self.titles(q="%"), [])
        assert_equal(self.titles(q="_"), [])

    def test_what_is_searched_for_is_escaped(self):
        page = app.get("/repertoire", {"q": '"><script>alert(1)</script>'})
        assert_false(page.html.find_all("script"))
        assert_equal(page.html.find(id="q")["value"], '"><script>alert(1)</script>')

    def test_pages_that_are_not_there(self):
        for number in ["0", "-1", "x", "999999999999"]:
            assert_equal(app.get("/repertoire", {"page": number}).status_int, 200)


class TestLicences:
    def test_all_of_them(self):
        page = app.get("/licences")
        rows = page.html.select("tbody tr")
        assert_equal(len(rows), support.count("licence"))

    def test_the_freest_is_first(self):
        assert_equal(
            app.get("/licences").html.select("tbody tr")[0]["id"], "licence-CC0"
        )

    def test_links_leave_no_trace(self):
        for link in app.get("/licences").html.select("tbody a"):
            assert_in("noreferrer", link["rel"])


class TestLanguage:
    def setUp(self):
        self.browser = support.browser()

    def choose(self, code, page="/licences"):
        form = self.browser.get(page).forms["language-form"]
        return form.submit("language", value=code)

    def test_the_browser_says(self):
        page = self.browser.get("/login", headers={"Accept-Language": "de-DE,de"})
        assert_equal(page.html.html["lang"], "de")
        assert_equal(page.html.h1.get_text(), "Anmelden")

    def test_it_can_be_chosen(self):
        page = self.choose("de").follow()
        assert_equal(page.request.path, "/licences")
        assert_equal(page.html.h1.get_text(), "Lizenzen")

    def test_what_is_chosen_stays(self):
        self.choose("de")
        page = self.browser.get("/", headers={"Accept-Language": "en"})
        assert_equal(page.html.html["lang"], "de")

    def test_what_is_searched_for_stays(self):
        page = self.choose("de", "/repertoire?q=field").follow()
        assert_equal(page.html.find(id="q")["value"], "field")

    def test_another_one_is_none(self):
        assert_equal(self.choose("xx").follow().html.html["lang"], "en")

    def test_it_does_not_lead_away(self):
        for address in [
            "//evil.test",
            "https://evil.test",
            "/\\evil.test",
            "/\t/evil.test",
        ]:
            form = self.browser.get("/").forms["language-form"]
            form["next"] = address
            answer = form.submit("language", value="de")
            assert_equal(answer.location, "http://localhost/")

    def test_error_pages_are_translated_too(self):
        self.choose("de")
        page = self.browser.get("/nothing", status=404)
        assert_equal(page.html.h1.get_text(), "Diese Seite gibt es nicht")
