# SPDX-License-Identifier: GPL-3.0-or-later
"""One's releases."""

import datetime as dt

from nose.tools import assert_equal, assert_in, assert_not_in

from portal_web.tests import support
from portal_web.tests.support import ADA, fill


class Logged:
    """Logs in once for a class; its name is none of a test's."""

    @classmethod
    def setupAll(cls):
        cls.app = support.browser(who=ADA)

    def form(self, **values):
        return fill(self.app.get("/releases/new").forms["form"], **values)


class TestList(Logged):
    def titles(self, **words):
        page = self.app.get("/releases", words)
        return [tag.get_text() for tag in page.html.select("#list a")]

    def test_ones_own(self):
        assert_equal(sorted(self.titles(q="fields")), ["Fields", "More Fields"])

    def test_search_by_gtin(self):
        assert_equal(self.titles(q="4006381333931"), ["Fields"])

    def test_those_of_others_are_not_found(self):
        assert_equal(self.titles(q="Wires"), [])


class TestShow(Logged):
    def test_what_is_published(self):
        number = support.number("release", "Fields")
        page = self.app.get(f"/releases/{number}")
        assert_equal(page.html.find(id="state").get_text(), "Published")
        assert_in("Mar 14, 2025", page.text)
        assert_in("5:14", page.text)
        assert_equal(len(page.html.select("#tracks li")), 2)
        assert_not_in("form", page.forms)


class TestNew(Logged):
    def test_all_fields(self):
        title = support.unique("New")
        form = self.form(title=title, type="ep", release_date="2025-05-01")
        page = fill(form, gtin="0 36000 29145 2").submit().follow()
        assert_equal(page.html.h1.get_text(), title)
        assert_in("036000291452", page.text)

    def test_a_gtin_with_a_wrong_digit(self):
        page = self.form(title="Wrong", gtin="4006381333932").submit(status=422)
        assert_in("not a GTIN", page.html.find(id="gtin-error").get_text())

    def test_a_gtin_that_is_taken(self):
        page = self.form(title="Taken", gtin="4006381333931").submit(status=422)
        assert_in("Another release", page.html.find(id="gtin-error").get_text())

    def test_a_date_that_is_none(self):
        page = self.form(title="Wrong", release_date="soon").submit(status=422)
        assert_in("not a date", page.html.find(id="release_date-error").get_text())

    def test_a_compilation_cannot_be_chosen(self):
        form = self.form(title="Wrong")
        form["type"].force_value("compilation")
        assert_in("cannot be chosen", form.submit(status=422).text)

    def test_without_a_gtin_as_often_as_one_likes(self):
        for _ in range(2):
            assert_equal(
                self.form(title=support.unique("Free")).submit().status_int, 303
            )


class TestTracks(Logged):
    """One after the other."""

    @classmethod
    def setUpAll(cls):
        cls.app = support.browser(who=ADA)
        with support.transaction():
            artist = support.user().default_artist.id
            (release,) = support.get("release").create(
                [{"title": support.unique("Tracks"), "artist": artist}]
            )
            cls.number = release.id

    setupAll = None

    def add(self, status=303, **values):
        form = self.app.get(f"/releases/{self.number}").forms["form"]
        return fill(form, **values).submit(status=status)

    def tracks(self):
        with support.transaction(readonly=True):
            tracks = support.get("release")(self.number).tracks
            return [(track.title, track.duration, track.isrc) for track in tracks]

    def test_1_by_title(self):
        self.add(creation="morning field", duration="3:25", isrc="dex122500001")
        duration = dt.timedelta(minutes=3, seconds=25)
        assert_equal(self.tracks(), [("Morning Field", duration, "DE-X12-25-00001")])

    def test_2_under_another_title(self):
        self.add(creation="C00000002", title="Evening (Live)")
        assert_equal(
            [title for title, *_ in self.tracks()], ["Morning Field", "Evening (Live)"]
        )

    def test_3_of_somebody_else_if_it_is_registered(self):
        self.add(creation="Copper Wire")
        assert_equal(len(self.tracks()), 3)

    def test_4_but_no_draft_of_somebody_else(self):
        page = self.add(status=422, creation="Loose Wire")
        assert_in("There is none", page.html.find(id="creation-error").get_text())

    def test_4_no_isrc(self):
        page = self.add(status=422, creation="Morning Field", isrc="DE")
        assert_in("not an ISRC", page.html.find(id="isrc-error").get_text())

    def test_4_no_duration(self):
        page = self.add(status=422, creation="Morning Field", duration="3")
        assert_in("minutes and seconds", page.html.find(id="duration-error").get_text())

    def test_5_the_first_is_removed(self):
        page = self.app.get(f"/releases/{self.number}")
        form = next(f for f in page.forms.values() if "/tracks/" in (f.action or ""))
        form.submit()
        assert_equal(self.tracks()[0][0], "Evening (Live)")


class TestWorkflow(Logged):
    """From a plan to the shops."""

    @classmethod
    def setup_class(cls):
        cls.app = support.browser(who=ADA)
        cls.number = support.number("release", "More Fields")

    def act(self, action, status=303):
        page = self.app.get(f"/releases/{self.number}")
        token = page.forms["language-form"]["csrf_token"].value
        path = f"/releases/{self.number}/{action}"
        return self.app.post(path, {"csrf_token": token}, status=status)

    def state(self):
        page = self.app.get(f"/releases/{self.number}")
        return page.html.find(id="state").get_text()

    def test_1_announce(self):
        self.act("announce")
        assert_equal(self.state(), "Announced")

    def test_2_take_it_back(self):
        self.act("revise")
        assert_equal(self.state(), "Draft")

    def test_3_not_from_draft_to_published(self):
        self.act("publish", status=404)

    def test_4_publish(self):
        self.act("announce")
        assert_in("is published", self.act("publish").follow().text)
        assert_equal(self.state(), "Published")

    def test_5_what_is_published_cannot_be_deleted(self):
        self.act("delete", status=404)

    def test_6_it_can_be_withdrawn(self):
        self.act("withdraw")
        assert_equal(self.state(), "Withdrawn")


class TestWithoutTracks(Logged):
    def test_it_cannot_be_announced(self):
        page = self.form(title=support.unique("Empty")).submit().follow()
        form = next(
            f for f in page.forms.values() if (f.action or "").endswith("announce")
        )
        page = form.submit().follow()
        assert_equal(len(page.html.select(".message.problem")), 1)
        assert_equal(page.html.find(id="state").get_text(), "Draft")
