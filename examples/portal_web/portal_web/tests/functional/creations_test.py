# SPDX-License-Identifier: GPL-3.0-or-later
"""One's creations."""

from decimal import Decimal

from nose.plugins.attrib import attr
from nose.tools import (
    assert_equal,
    assert_false,
    assert_in,
    assert_not_in,
    eq_,
    nottest,
    with_setup,
)

from portal_web.tests import support
from portal_web.tests.support import ADA, fill

app = None


def setup_module():
    global app
    app = support.browser(who=ADA)


def titles(**words):
    return [
        tag.get_text() for tag in app.get("/creations", words).html.select("#list a")
    ]


class TestList:
    def test_ones_own(self):
        expected = ["Evening Field", "Morning Field", "Unfinished Field"]
        assert_equal(titles(q="field"), expected)

    def test_search(self):
        assert_equal(titles(q="morning"), ["Morning Field"])

    def test_by_artist(self):
        assert_in("Morning Field", titles(q="ADA lark"))

    def test_those_of_others_are_not_found(self):
        assert_equal(titles(q="Wire"), [])

    def test_states_are_shown(self):
        found = app.get("/creations", {"q": "field"})
        tags = [tag.get_text() for tag in found.html.select(".tag")]
        assert_equal(tags, ["Registered", "Registered", "Draft"])


@nottest
class Edited:
    """A creation of its own for each class below."""

    title = "Edited"

    @classmethod
    def setup_class(cls):
        with support.transaction():
            artist = support.user().default_artist
            (creation,) = support.get("creation").create(
                [{"title": support.unique(cls.title), "artist": artist.id}]
            )
            cls.number = creation.id

    def page(self):
        return app.get(f"/creations/{self.number}")

    def edit(self, **values):
        form = app.get(f"/creations/{self.number}/edit").forms["form"]
        return fill(form, **values).submit(status="*")

    def act(self, action):
        token = self.page().forms["language-form"]["csrf_token"].value
        path = f"/creations/{self.number}/{action}"
        return app.post(path, {"csrf_token": token}, status="*")

    def contribute(self, status=303, **values):
        form = self.page().forms["contribution-form"]
        role = values.pop("role", "Composer")
        form["role"].select(text=role)
        good = {"contributor": "Ada Lark", "performing": "100", "mechanical": "100"}
        return fill(form, **{**good, **values}).submit(status=status)

    def license(self, name, status=303):
        form = self.page().forms["licence-form"]
        form["licence"].select(text=name)
        return form.submit(status=status)


class TestNew:
    def form(self, **values):
        return fill(app.get("/creations/new").forms["form"], **values)

    def test_ones_artist_is_proposed(self):
        form = self.form()
        assert_equal(
            form["artist"].value, str(support.number("artist", "Ada Lark", "name"))
        )

    def test_all_fields(self):
        title = support.unique("Full")
        form = self.form(title=title, iswc="T0345246801", lyrics="La\nla")
        form.fields["genres"][0].checked = True
        page = form.submit().follow()
        assert_equal(page.html.h1.get_text(), title)
        assert_in("T-034.524.680-1", page.text)
        assert_equal(page.html.select_one("dd.text").get_text(), "La\nla")
        assert_equal(page.html.find(id="state").get_text(), "Draft")

    def test_nothing_is_empty_text(self):
        for _ in range(2):
            page = self.form(title=support.unique("Plain")).submit()
            assert_equal(page.status_int, 303)

    def test_a_title_that_looks_like_a_tag(self):
        title = support.unique("<script>alert('x')</script>")
        page = self.form(title=title).submit().follow()
        assert_equal(page.html.h1.get_text(), title)
        assert_false(page.html.find_all("script"))

    def test_an_iswc_with_a_wrong_digit(self):
        page = self.form(title="Wrong", iswc="T-034.524.680-2").submit(status=422)
        assert_in("check digit", page.html.find(id="iswc-error").get_text())

    def test_an_iswc_that_is_taken(self):
        iswc = "T-000.000.001-0"
        assert_equal(self.form(title="First", iswc=iswc).submit().status_int, 303)
        page = self.form(title="Second", iswc="t 000000001 0").submit(status=422)
        assert_in("Another creation", page.html.find(id="iswc-error").get_text())

    def test_artists_of_others_cannot_be_chosen(self):
        form = self.form(title="Not mine")
        form["artist"].force_value(str(support.number("artist", "Bela Bolt", "name")))
        page = form.submit(status=422)
        assert_in("cannot be chosen", page.html.find(id="artist-error").get_text())


class TestEdit(Edited):
    __test__ = True

    def test_1_what_is_there_is_shown(self):
        form = app.get(f"/creations/{self.number}/edit").forms["form"]
        assert_in("Edited", form["title"].value)

    def test_2_change(self):
        self.edit(title="Changed", lyrics="words")
        assert_in("words", self.page().text)

    def test_3_an_instrumental_has_no_lyrics(self):
        self.edit(instrumental=True)
        assert_not_in("words", self.page().text)

    def test_4_genres_can_be_taken_back(self):
        form = app.get(f"/creations/{self.number}/edit").forms["form"]
        for box in form.fields["genres"][:3]:
            box.checked = True
        form.submit()
        form = app.get(f"/creations/{self.number}/edit").forms["form"]
        form.fields["genres"][0].checked = False
        form.submit()
        with support.transaction(readonly=True):
            assert_equal(len(support.get("creation")(self.number).genres), 2)

    def test_5_its_own_iswc_is_not_taken(self):
        for _ in range(2):
            assert_equal(self.edit(iswc="T-000.000.002-1").status_int, 303)


class TestContributions(Edited):
    __test__ = True
    title = "Contributed"

    def shares(self):
        return self.page().html.find(id="shares").get_text()

    def wrong(self, field, words, **values):
        page = self.contribute(status=422, **values)
        assert_in(words, page.html.find(id=f"{field}-error").get_text())

    def test_1_nothing_yet(self):
        assert_in("Performing right: 0 % of 100 %", self.shares())

    def test_2_a_part(self):
        self.contribute(performing="60", mechanical="33.33")
        assert_in("Performing right: 60 %", self.shares())
        assert_in("Mechanical right: 33.33 %", self.shares())

    def test_3_not_more_than_is_left(self):
        self.wrong(
            "performing",
            "Only 40.00 % are left",
            contributor="Bela Bolt",
            performing="41",
        )

    def test_3_not_twice_in_a_role(self):
        self.wrong("role", "already", performing="", mechanical="")

    def test_3_not_more_than_all(self):
        self.wrong("mechanical", "from 0 to 100", mechanical="101")

    def test_3_nobody_who_is_not_there(self):
        self.wrong("contributor", "There is none", contributor="Nobody")

    def test_3_performers_have_no_rights(self):
        self.wrong("performing", "Only authors", role="Performer", mechanical="")

    def test_4_performers_have_none(self):
        self.contribute(role="Performer", performing="", mechanical="")
        items = self.page().html.select("#contributions li")
        assert_equal(len(items), 2)

    def test_5_the_rest(self):
        self.contribute(contributor="A000002", performing="40", mechanical="66.67")
        with support.transaction(readonly=True):
            creation = support.get("creation")(self.number)
            assert_equal(creation.complete, True)
            assert_equal(sum(right.share for right in creation.rights), Decimal(200))

    def test_6_one_can_be_removed(self):
        page = self.page()
        form = next(
            f for f in page.forms.values() if "/contributions/" in (f.action or "")
        )
        form.submit()
        assert_equal(len(self.page().html.select("#contributions li")), 2)


class TestLicences(Edited):
    __test__ = True
    title = "Licensed"

    def test_1_one(self):
        assert_in("saved", self.license("CC Attribution 4.0").follow().text)

    def test_2_not_twice(self):
        page = self.license("CC Attribution 4.0", status=422)
        assert_in("already", page.html.find(id="licence-error").get_text())

    def test_3_another_one(self):
        self.license("All Rights Reserved")
        assert_equal(len(self.page().html.select("#licences li")), 2)

    def test_4_it_can_be_removed(self):
        page = self.page()
        form = next(f for f in page.forms.values() if "/licences/" in (f.action or ""))
        form.submit()
        assert_equal(len(self.page().html.select("#licences li")), 1)


@attr("workflow", speed="slow")
class TestWorkflow(Edited):
    """From a draft to the society, and back."""

    __test__ = True
    title = "Submitted"

    def state(self):
        return self.page().html.find(id="state").get_text()

    def test_1_without_an_author_it_is_refused(self):
        page = self.act("submit").follow()
        assert_equal(len(page.html.select(".message.problem")), 1)
        assert_equal(self.state(), "Draft")

    def test_2_with_one_it_is_submitted(self):
        self.contribute()
        assert_in("submitted", self.act("submit").follow().text)
        assert_equal(self.state(), "Submitted")

    def test_3_then_it_cannot_be_changed(self):
        app.get(f"/creations/{self.number}/edit", status=404)
        for action in ("submit", "delete"):
            assert_equal(self.act(action).status_int, 404)
        assert_not_in("contribution-form", self.page().forms)

    def test_4_it_can_be_taken_back(self):
        self.act("reopen")
        assert_equal(self.state(), "Draft")

    def test_5_and_deleted(self):
        assert_equal(self.act("delete").location, "http://localhost/creations")
        app.get(f"/creations/{self.number}", status=404)


made = []


def make_draft():
    with support.transaction():
        artist = support.user().default_artist
        (creation,) = support.get("creation").create(
            [{"title": support.unique("Draft"), "artist": artist.id}]
        )
        made.append(creation.id)


def forget_draft():
    made.clear()


@with_setup(make_draft, forget_draft)
def test_a_contribution_of_another_creation_is_not_removed():
    other = support.number("creation", "Unfinished Field")
    with support.transaction(readonly=True):
        part = support.get("creation")(other).contributions[0].id
    token = app.get("/creations").forms["language-form"]["csrf_token"].value
    path = f"/creations/{made[0]}/contributions/{part}/remove"
    app.post(path, {"csrf_token": token}, status=404)
    eq_(support.count("contribution", ("id", "=", part)), 1)


@with_setup(make_draft, forget_draft)
def test_a_reason_of_tryton_is_shown_and_nothing_is_written():
    """Somebody took the last share between the page and its form."""
    page = app.get(f"/creations/{made[0]}")
    form = fill(
        page.forms["contribution-form"], contributor="Ada Lark", performing="50"
    )
    form["role"].select(text="Composer")
    form.submit(status=303)
    page = form.submit(status=422)
    assert_in("already", page.text)
    with support.transaction(readonly=True):
        eq_(len(support.get("creation")(made[0]).contributions), 1)
