# SPDX-License-Identifier: GPL-3.0-or-later
"""Registration, login, profile; in nose's style."""

from harness.plugins import browser

from portal_web.tests.integration.pages import ADA, PASSWORD, Portal, link, mails


def portal():
    """The portal in the worker's browser."""
    return Portal(browser.current(), browser.url("portal"))


def log_in():
    """Ada is logged in."""
    portal().log_in(ADA)


class TestRegistration:
    """Somebody new, on a telephone, in German."""

    def register(self, who):
        """The page after the form."""
        page = portal()
        page.browser.resize("xs")
        page.open("/register").speak("de")
        page.fill(
            name="Dora Döring",
            email=who,
            password=PASSWORD,
            repeated=PASSWORD,
            terms=True,
        )
        page.submit()
        return page

    def test_mail_leads_to_login(self):
        who = "dora@example.com"
        page = self.register(who)
        assert page.language == "de"
        [message] = mails(who)
        assert "Registrierung" in message["Subject"]
        page.open(link(message))
        page.follow("main button")
        assert page.at == "/login"
        assert page.messages
        page.log_in(who)
        assert page.logged_in
        assert "Abmelden" in page.texts("#logout")

    def test_without_mail_nobody_gets_in(self):
        who = "emil@example.com"
        page = self.register(who)
        page.log_in(who)
        assert not page.logged_in
        assert page.messages

    def test_passwords_that_differ_are_named(self):
        page = portal().open("/register")
        who = "frida@example.com"
        page.fill(name="Frida", email=who, password=PASSWORD, terms=True)
        page.fill(repeated="another horse battery")
        page.submit()
        assert page.at == "/register"
        assert page.find("#repeated").get_attribute("aria-invalid") == "true"
        assert mails(who) == []


class TestSession:
    def test_log_in_and_out(self):
        page = portal()
        page.log_in(ADA)
        assert page.logged_in
        page.log_out()
        assert not page.logged_in
        page.open("/profile")
        assert page.at.startswith("/login")

    def test_a_browser_is_new(self):
        assert not portal().open().logged_in

    def test_wrong_password(self):
        page = portal()
        page.log_in(ADA, "wrong horse battery")
        assert not page.logged_in
        assert page.find("[role=alert]")

    def test_after_login_one_is_where_one_wanted_to_be(self):
        page = portal().open("/artists")
        page.fill(email=ADA, password=PASSWORD)
        page.submit()
        assert page.at == "/artists"


class TestProfile:
    setup = staticmethod(log_in)

    def test_change(self):
        page = portal().open("/profile")
        page.fill(name="Ada Althoff", birthdate="1981-03-04", language="de")
        page.submit()
        assert page.language == "de"
        assert page.messages
        page.open("/profile")
        assert page.find("#name").get_attribute("value") == "Ada Althoff"
        assert page.find("#birthdate").get_attribute("value") == "1981-03-04"

    def test_what_another_class_has_changed_is_back(self):
        page = portal().open("/artists")
        assert page.texts("#list a") == ["Ada Lark"]
