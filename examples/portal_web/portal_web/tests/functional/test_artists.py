# SPDX-License-Identifier: GPL-3.0-or-later
"""One's artists."""

from nose.tools import assert_equal, assert_in, assert_not_in, eq_, nottest

from portal_web.tests import support
from portal_web.tests.support import ADA, BELA, fill

app = None


def setUp():
    global app
    app = support.browser(who=BELA)


def tearDown():
    global app
    app = None


def names(page):
    return [tag.get_text() for tag in page.html.select("#list a")]


class TestList:
    def test_ones_own(self):
        found = names(app.get("/artists"))
        assert_in("Bela Bolt", found)
        assert_in("Lark & Bolt", found)
        assert_not_in("Ada Lark", found)

    def test_those_of_others_are_not_found(self):
        assert_equal(names(app.get("/artists", {"q": "Ada"})), [])

    def test_search(self):
        assert_equal(names(app.get("/artists", {"q": "lark &"})), ["Lark & Bolt"])


class TestPages:
    """More than fit on one page."""

    @classmethod
    def setupClass(cls):
        with support.transaction():
            party = support.user(BELA).party.id
            support.get("artist").create(
                [{"name": f"Paged {n:02}", "party": party} for n in range(45)]
            )

    def page(self, **words):
        return app.get("/artists", {"q": "Paged", **words})

    def test_1_the_first(self):
        page = self.page()
        assert_equal(names(page)[0], "Paged 00")
        assert_equal(len(names(page)), 20)
        assert_in("1 to 20 of 45", page.text)

    def test_2_one_can_go_on(self):
        page = self.page().click("Next")
        assert_equal(names(page)[0], "Paged 20")
        page = page.click("Next")
        assert_equal(len(names(page)), 5)
        assert_not_in("Next", page.html.select_one(".pages").get_text())

    def test_3_and_back(self):
        assert_equal(names(self.page(page=3).click("Previous"))[0], "Paged 20")

    def test_4_past_the_end_is_the_last(self):
        assert_equal(names(self.page(page=99)), names(self.page(page=3)))


class TestNew:
    def form(self, **values):
        return fill(app.get("/artists/new").forms["form"], **values)

    def test_solo(self):
        name = support.unique("Solo")
        page = self.form(name=name, description="One\n<b>two</b>").submit().follow()
        assert_equal(page.html.h1.get_text(), name)
        assert_equal(page.html.select_one("dd.text").get_text(), "One\n<b>two</b>")
        with support.transaction(readonly=True):
            (artist,) = support.get("artist").search([("name", "=", name)])
            assert_equal(artist.party, support.user(BELA).party)
            assert_equal(artist.claim_state, "claimed")

    def test_group(self):
        page = self.form(name=support.unique("Group"), kind="group").submit().follow()
        assert_in("Add a member", page.text)

    def test_a_name_is_needed(self):
        page = self.form().submit(status=422)
        assert_in("needed", page.html.find(id="name-error").get_text())
        assert_equal(page.html.find(id="name")["aria-describedby"], "name-error")

    def test_what_was_written_is_not_lost(self):
        page = self.form(description="Long text").submit(status=422)
        assert_equal(page.forms["form"]["description"].value, "Long text")


class TestEdit:
    def test_change(self):
        number = support.number("artist", "Bela Bolt", "name")
        form = app.get(f"/artists/{number}/edit").forms["form"]
        assert_not_in("kind", form.fields)
        page = fill(form, description="Loud").submit().follow()
        assert_equal(page.html.select_one("dd.text").get_text(), "Loud")


class TestMembers:
    """A group: who is in it, who is asked, who leaves."""

    @classmethod
    def setUpClass(cls):
        cls.number = support.number("artist", "Lark & Bolt", "name")
        with support.transaction():
            own, other = support.user(BELA).party.id, support.user(ADA).party.id
            support.get("artist").create(
                [
                    {"name": "Own Drum", "party": own},
                    {"name": "Other Horn", "party": other},
                    {"name": "Twin", "party": own},
                    {"name": "Twin", "party": other},
                    {"name": "Other Group", "party": other, "group": True},
                ]
            )

    def ask(self, member, status=303):
        form = app.get(f"/artists/{self.number}").forms["form"]
        return fill(form, member=member, instrument="Drum").submit(status=status)

    def states(self):
        with support.transaction(readonly=True):
            members = support.get("artist")(self.number).members
            return {one.member.name: one.state for one in members}

    def test_1_both_are_in(self):
        assert_equal(self.states(), {"Ada Lark": "approved", "Bela Bolt": "approved"})

    def test_2_ones_own_is_in_at_once(self):
        self.ask("own drum")
        assert_equal(self.states()["Own Drum"], "approved")

    def test_3_others_are_asked(self):
        self.ask("Other Horn")
        assert_equal(self.states()["Other Horn"], "invited")

    def test_4_by_code(self):
        with support.transaction(readonly=True):
            twins = support.get("artist").search([("name", "=", "Twin")])
            code = twins[0].code
        self.ask(code)
        assert_in("Twin", self.states())

    def refused(self, member, words):
        page = self.ask(member, status=422)
        assert_in(words, page.html.find(id="member-error").get_text())

    def test_5_who_is_meant_must_be_clear(self):
        self.refused("Twin", "Several")

    def test_5_who_is_not_there(self):
        self.refused("No Such", "There is none")

    def test_5_no_wildcards(self):
        self.refused("%", "There is none")

    def test_5_twice(self):
        self.refused("Ada Lark", "already")

    def test_5_groups(self):
        self.refused("Other Group", "cannot be a member")

    def remove(self, name):
        page = app.get(f"/artists/{self.number}")
        item = next(
            li for li in page.html.select("#members li") if name in li.get_text()
        )
        form = next(f for f in page.forms.values() if f.action == item.form["action"])
        return form.submit().follow()

    def test_6_a_member_leaves(self):
        assert_in("removed", self.remove("Own Drum").text)
        assert_equal(self.states()["Own Drum"], "left")

    def test_7_who_was_asked_is_asked_no_more(self):
        self.remove("Other Horn")
        assert_not_in("Other Horn", self.states())


@nottest
def leads_nowhere(path):
    number = support.number("artist", "Bela Bolt", "name")
    form = app.get("/artists/new").forms["form"]
    token = form["csrf_token"].value
    answer = app.post(
        path.format(number=number),
        {"csrf_token": token, "member": "A000001"},
        status="*",
    )
    eq_(answer.status_int, 404)


def test_leads_nowhere():
    yield leads_nowhere, "/artists/{number}/members"
    yield leads_nowhere, "/artists/{number}/members/1/remove"
