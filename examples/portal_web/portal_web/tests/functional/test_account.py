# SPDX-License-Identifier: GPL-3.0-or-later
"""Registration, login, profile."""

import datetime as dt
import re

from nose.plugins.attrib import attr
from nose.tools import (
    assert_equal,
    assert_false,
    assert_in,
    assert_is_none,
    assert_not_equal,
    assert_not_in,
    assert_true,
    eq_,
    nottest,
)
from trytond.pool import Pool

from portal_web.tests import support
from portal_web.tests.support import ADA, BELA, CARLA, PASSWORD, fill

NEW = "dora@example.com"


@nottest
def register(app, **values):
    form = app.get("/register").forms["form"]
    good = {
        "name": "Dora Diehl",
        "email": NEW,
        "password": PASSWORD,
        "repeated": PASSWORD,
        "terms": True,
    }
    return fill(form, **{**good, **values}).submit(status="*")


@nottest
def link(recipient):
    text = support.mails(recipient)[-1].get_content()
    return re.search(r"https?://\S+(/verify/\S+)", text)[1]


class TestLogin:
    def setup(self):
        self.app = support.browser()

    def test_log_in(self):
        page = support.log_in(self.app, ADA).follow()
        assert_in("Ada Ahrens", page.text)

    def test_the_address_may_be_in_capitals(self):
        assert_equal(support.log_in(self.app, ADA.upper()).status_int, 303)

    def test_one_goes_on_to_where_one_wanted(self):
        page = self.app.get("/creations?q=x").follow()
        form = fill(page.forms["form"], email=ADA, password=PASSWORD)
        assert_equal(form.submit().location, "http://localhost/creations?q=x")

    def test_but_not_to_another_site(self):
        page = self.app.get("/login", {"next": "//evil.test/"})
        form = fill(page.forms["form"], email=ADA, password=PASSWORD)
        assert_equal(form.submit().location, "http://localhost/")

    def test_the_session_is_another_one(self):
        before = self.app.get("/login").forms["form"]["csrf_token"].value
        support.log_in(self.app, ADA)
        after = self.app.get("/profile").forms["form"]["csrf_token"].value
        assert_not_equal(before, after)

    def test_who_has_not_proved_the_address_stays_out(self):
        page = support.log_in(self.app, CARLA)
        assert_equal(page.status_int, 422)
        assert_equal(self.app.get("/profile").status_int, 303)


@nottest
def stays_out(email, password):
    app = support.browser()
    page = support.log_in(app, email, password)
    eq_(page.status_int, 422)
    assert_in("do not fit", page.text)
    assert_not_in(password, page.text)
    eq_(app.get("/profile").status_int, 303)


def test_stays_out():
    yield stays_out, "nobody1@example.com", PASSWORD
    yield stays_out, BELA, "wrong"
    yield stays_out, ADA, PASSWORD.upper()


class TestAttempts:
    """They are counted although the request fails."""

    def test_one(self):
        support.log_in(support.browser(), "nobody2@example.com", "guess")
        with support.transaction(readonly=True):
            Attempt = Pool().get("web.user.authenticate.attempt")
            assert_equal(Attempt.count("nobody2@example.com"), 1)

    def test_too_many(self):
        with support.transaction():
            Attempt = Pool().get("web.user.authenticate.attempt")
            for _ in range(7):
                Attempt.add("nobody3@example.com")
        page = support.log_in(support.browser(), "nobody3@example.com", "guess")
        assert_in("Too many attempts", page.text)


class TestLogout:
    def setUp(self):
        self.app = support.browser(who=ADA)

    def log_out(self):
        self.app.get("/").forms["logout-form"].submit()

    def test_one_is_out(self):
        self.log_out()
        assert_equal(self.app.get("/profile").status_int, 303)

    def test_a_copy_of_the_cookie_is_of_no_use(self):
        cookie = self.app.cookies["portal_session"]
        self.log_out()
        thief = support.browser()
        thief.set_cookie("portal_session", cookie)
        assert_equal(thief.get("/profile").status_int, 303)

    def test_a_link_does_not_log_out(self):
        self.app.get("/logout", status=404)
        assert_equal(self.app.get("/profile").status_int, 200)

    def test_what_was_seen_is_not_kept(self):
        assert_equal(self.app.get("/profile").headers["Cache-Control"], "no-store")


class TestRegistration:
    """Step by step, as one does it: the order is that of the names."""

    @classmethod
    def setup_class(cls):
        cls.app = support.browser()
        cls.answer = register(cls.app)

    def test_1_one_is_told_to_look_for_mail(self):
        assert_in("sent you a mail", self.answer.follow().text)

    def test_2_a_mail_was_sent(self):
        message = support.mails(NEW)[-1]
        assert_equal(message["Subject"], "Your registration at the portal")
        assert_in(support.settings().url, message.get_content())

    def test_3_one_cannot_log_in_yet(self):
        assert_equal(support.log_in(support.browser(), NEW).status_int, 422)

    def test_4_a_program_that_follows_links_confirms_nothing(self):
        support.browser().get(link(NEW))
        with support.transaction(readonly=True):
            assert_false(support.user(NEW).email_valid)

    def test_5_one_confirms(self):
        page = self.app.get(link(NEW)).html
        assert_equal(page.h1.get_text(), "Confirm your address")
        form = self.app.get(link(NEW)).forms[0]
        assert_in("is confirmed", form.submit().follow().text)
        with support.transaction(readonly=True):
            assert_true(support.user(NEW).email_valid)

    def test_6_the_link_is_of_no_use_any_more(self):
        self.app.get(link(NEW), status=404)

    def test_7_the_member_has_a_role_and_a_language(self):
        with support.transaction(readonly=True):
            user = support.user(NEW)
            assert_equal([role.code for role in user.roles], ["licensor"])
            assert_equal(user.party.lang.code, "en")

    def test_8_the_password_is_not_kept(self):
        with support.transaction(readonly=True):
            assert_not_in(PASSWORD, support.user(NEW).password_hash)


class TestRegistrationOfKnownAddress:
    @classmethod
    def setUpClass(cls):
        cls.before = support.count("artist"), len(support.mails(ADA))
        cls.answer = register(
            support.browser(),
            email=ADA,
            password="another " * 3,
            repeated="another " * 3,
        )

    def test_a_stranger_does_not_learn_it(self):
        assert_equal(self.answer.status_int, 303)
        assert_in("/login?registered=1", self.answer.location)

    def test_the_owner_does(self):
        mails = support.mails(ADA)
        assert_equal(len(mails), self.before[1] + 1)
        assert_in("registered already", mails[-1].get_content())

    def test_the_password_stays(self):
        assert_equal(support.log_in(support.browser(), ADA).status_int, 303)


class TestRegistrationAgain:
    def test_who_registered_last_is_who_may_prove_it(self):
        new = "quite another one"
        register(support.browser(), email=CARLA, password=new, repeated=new)
        with support.transaction(readonly=True):
            token = support.user(CARLA).email_token
        assert_not_equal(token, "carla-has-not-followed-this-link")
        assert_in(token, support.mails(CARLA)[-1].get_content())
        app = support.browser()
        app.get(link(CARLA)).forms[0].submit()
        assert_equal(support.log_in(app, CARLA, new).status_int, 303)


class TestRegistrationInGerman:
    def test_mail_and_member(self):
        app = support.browser()
        app.get("/").forms["language-form"].submit("language", value="de")
        register(app, email="emil@example.com")
        message = support.mails("emil@example.com")[-1]
        assert_equal(message["Subject"], "Ihre Registrierung am Portal")
        with support.transaction(readonly=True):
            assert_equal(support.user("emil@example.com").party.lang.code, "de")


@nottest
def is_refused(values, field, words):
    page = register(support.browser(), email="nobody4@example.com", **values)
    eq_(page.status_int, 422)
    assert_in(words, page.html.find(id=f"{field}-error").get_text())
    eq_(page.html.find(id=field)["aria-invalid"], "true")
    eq_(support.mails("nobody4@example.com"), [])


def test_is_refused():
    for values, field, words in [
        ({"name": " "}, "name", "needed"),
        ({"name": "x" * 201}, "name", "At most 200"),
        ({"email": "dora"}, "email", "not an e-mail address"),
        ({"password": "short", "repeated": "short"}, "password", "At least 12"),
        ({"repeated": "something else"}, "repeated", "differ"),
        ({"terms": False}, "terms", "must be accepted"),
    ]:
        values = dict(values)
        if "email" in values:
            yield refuses_address, values["email"]
            continue
        yield is_refused, values, field, words


@nottest
def refuses_address(email):
    page = register(support.browser(), email=email)
    assert_in("not an e-mail", page.html.find(id="email-error").get_text())


class TestProfile:
    """What a class's tests write is gone for the next class, not for the next test."""

    @classmethod
    def setup_all(cls):
        cls.email = support.member("Gustav Gruber")
        with support.transaction():
            party = support.user(cls.email).party
            party.birthdate = dt.date(1980, 2, 29)
            party.save()
            support.get("artist").create([{"name": "Gusto", "party": party.id}])
        cls.app = support.browser(who=cls.email)

    @classmethod
    def teardown_all(cls):
        cls.app.reset()

    def form(self):
        return self.app.get("/profile").forms["form"]

    def test_1_it_shows_what_is_there(self):
        form = self.form()
        assert_equal(form["name"].value, "Gustav Gruber")
        assert_equal(form["birthdate"].value, "1980-02-29")
        assert_in("Gusto", form["default_artist"].options[1][2])

    def test_2_it_can_be_changed(self):
        page = (
            fill(self.form(), name="Gustav <Maria>", birthdate="1981-01-01")
            .submit()
            .follow()
        )
        assert_in("Your profile is saved.", page.text)
        assert_equal(page.forms["form"]["name"].value, "Gustav <Maria>")
        assert_not_in("<Maria>", page.text)

    def test_3_a_date_can_be_taken_back(self):
        fill(self.form(), birthdate="").submit()
        with support.transaction(readonly=True):
            assert_is_none(support.user(self.email).party.birthdate)

    def test_4_dates_of_the_future_are_none(self):
        page = fill(self.form(), birthdate="2999-01-01").submit(status=422)
        assert_in("future", page.html.find(id="birthdate-error").get_text())

    def test_5_artists_of_others_cannot_be_chosen(self):
        form = self.form()
        form["default_artist"].force_value(
            str(support.number("artist", "Bela Bolt", "name"))
        )
        page = form.submit(status=422)
        assert_in(
            "cannot be chosen", page.html.find(id="default_artist-error").get_text()
        )

    @attr("language")
    def test_6_its_language_is_that_of_the_pages(self):
        page = fill(self.form(), language="de").submit().follow()
        assert_equal(page.html.h1.get_text(), "Profil")

    @attr("language")
    def test_7_also_after_the_next_login(self):
        app = support.browser(who=self.email)
        assert_equal(app.get("/profile").html.html["lang"], "de")


class TestPassword:
    def setup(self):
        self.email = support.member("Fritzi Funk")
        self.app = support.browser(who=self.email)

    def change(self, **values):
        form = self.app.get("/profile/password").forms["form"]
        new = "another password"
        good = {"old": PASSWORD, "new": new, "repeated": new}
        return fill(form, **{**good, **values}).submit(status="*")

    def test_1_the_old_one_is_needed(self):
        page = self.change(old="wrong")
        assert_in("not your password", page.html.find(id="old-error").get_text())

    def test_2_it_is_given_twice(self):
        page = self.change(repeated="yet another one")
        assert_in("differ", page.html.find(id="repeated-error").get_text())

    def test_3_it_must_be_long(self):
        page = self.change(new="short", repeated="short")
        assert_in("At least 12", page.html.find(id="new-error").get_text())

    def test_4_all_sessions_end(self):
        other = support.browser(who=self.email)
        assert_equal(self.change().status_int, 303)
        assert_equal(other.get("/profile").status_int, 303)
        assert_equal(
            support.log_in(other, self.email, "another password").status_int, 303
        )
