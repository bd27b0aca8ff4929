# SPDX-License-Identifier: GPL-3.0-or-later
"""Registration, login, profile."""

from __future__ import annotations

import datetime as dt
from typing import Any

from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther
from pyramid.request import Request
from pyramid.security import forget, remember
from pyramid.view import view_config

from .. import mailer
from ..forms import Check, Choice, Date, Email, Field, Form, Password
from ..i18n import LANGUAGES, N_
from ..models import artist, web_user
from .base import attempt, go, page, say
from .general import local

SHORTEST = 12


def register_form(request: Request) -> Form:
    """What is asked of somebody new."""
    password = N_("At least 12 characters.")
    return Form(
        [
            Field("name", N_("Name"), required=True, autocomplete="name"),
            Email("email", N_("E-mail"), required=True),
            Password(
                "password",
                N_("Password"),
                required=True,
                shortest=SHORTEST,
                help=password,
                autocomplete="new-password",
            ),
            Password(
                "repeated",
                N_("Password again"),
                required=True,
                autocomplete="new-password",
            ),
            Check("terms", N_("I accept the terms of use"), required=True),
        ],
        request.POST if request.method == "POST" else None,
    )


@view_config(route_name="register", renderer="register.jinja2")
def register(request: Request) -> Any:
    """Register; whether an address is known, only its owner learns."""
    form = register_form(request)
    if request.method != "POST":
        return page(request, form)
    form.validate()
    if form.good and form["password"] != form["repeated"]:
        form.reject("repeated", N_("The passwords differ."))
    if form.good:
        sent = attempt(request, form, lambda: _register(request, form))
        if sent:
            return go(request, "login", _query={"registered": "1"})
    return page(request, form)


def _register(request: Request, form: Form) -> bool:
    _ = request.translate
    user = web_user.find(form["email"])
    if user and user.email_valid:
        text = _(
            "Somebody, perhaps you, wanted to register this address at the portal.\n"
            "It is registered already: log in at %(url)s",
            url=_url(request, "login"),
        )
    else:
        if user:
            web_user.register_again(user, password=form["password"], name=form["name"])
        else:
            user = web_user.register(
                email=form["email"],
                password=form["password"],
                name=form["name"],
                language=request.locale_name,
            )
        text = _(
            "Welcome!\n\nPlease confirm your address: %(url)s\n\n"
            "If you did not register, do nothing.",
            url=_url(request, "verify", token=user.email_token),
        )
    message = mailer.compose(
        sender=request.registry.portal.mail_from,
        recipient=form["email"],
        subject=_("Your registration at the portal"),
        text=text,
    )
    request.work.on_commit(lambda: request.registry.mailer.send(message))
    return True


def _url(request: Request, route: str, **parts: Any) -> str:
    """An address as it is reached from outside, whatever a browser claims."""
    return request.registry.portal.url.rstrip("/") + request.route_path(route, **parts)


@view_config(route_name="verify", renderer="verify.jinja2")
def verify(request: Request) -> Any:
    """Confirm an address; by POST, since programs follow links in mails."""
    token = request.matchdict["token"]
    if web_user.find_token(token) is None:
        raise HTTPNotFound
    if request.method != "POST":
        return {}
    web_user.verify(token)
    say(request, request.translate("Your address is confirmed. You can log in now."))
    return go(request, "login")


def login_form(request: Request) -> Form:
    """Address and password."""
    return Form(
        [
            Email("email", N_("E-mail"), required=True),
            Password(
                "password",
                N_("Password"),
                required=True,
                autocomplete="current-password",
            ),
        ],
        request.POST if request.method == "POST" else None,
    )


@view_config(route_name="login", renderer="login.jinja2")
def login(request: Request) -> Any:
    """Log in, and go on to where one wanted to go."""
    form = login_form(request)
    target = local(request.params.get("next"))
    if request.method == "POST" and form.validate():
        request.work.keep = True
        try:
            key = web_user.log_in(form["email"], form["password"])
        except web_user.TooManyAttempts:
            key = None
            form.problems.append(
                request.translate("Too many attempts. Please wait for some minutes.")
            )
        if key:
            remember(request, key)
            language = web_user.language(request.identity)
            if language in LANGUAGES and "language" not in request.session:
                request.session["language"] = language
            return HTTPSeeOther(target or request.route_path("home"))
        if form.good:
            form.problems.append(
                request.translate("Address and password do not fit together.")
            )
    return page(request, form, target=target, registered="registered" in request.GET)


@view_config(route_name="logout", request_method="POST")
def logout(request: Request) -> HTTPSeeOther:
    """End the session."""
    forget(request)
    say(request, request.translate("You are logged out."))
    return go(request, "login")


def profile_form(request: Request) -> Form:
    """What a member says of itself."""
    user = request.identity
    return Form(
        [
            Field("name", N_("Name"), required=True, autocomplete="name"),
            Date(
                "birthdate",
                N_("Date of birth"),
                latest=dt.date.today,
                autocomplete="bday",
            ),
            Choice("language", N_("Language"), LANGUAGES.items(), required=True),
            Choice(
                "default_artist",
                N_("Artist of new creations"),
                artist.choices(user.party),
            ),
        ],
        request.POST if request.method == "POST" else None,
        {
            "name": user.party.name,
            "birthdate": user.party.birthdate,
            "language": web_user.language(user) or request.locale_name,
            "default_artist": user.default_artist and user.default_artist.id,
        },
    )


@view_config(route_name="profile", renderer="profile.jinja2", permission="member")
def profile(request: Request) -> Any:
    """See and change one's profile."""
    form = profile_form(request)
    if request.method == "POST" and form.validate():
        number = form["default_artist"]
        changed = attempt(
            request,
            form,
            lambda: (
                web_user.change_profile(
                    request.identity,
                    name=form["name"],
                    birthdate=form["birthdate"],
                    language=form["language"],
                    default_artist=int(number) if number else None,
                )
                or True
            ),
        )
        if changed:
            request.session["language"] = form["language"]
            say(request, request.translate("Your profile is saved."))
            return go(request, "profile")
    return page(request, form)


def password_form(request: Request) -> Form:
    """The old password, and twice the new one."""
    return Form(
        [
            Password(
                "old",
                N_("Present password"),
                required=True,
                autocomplete="current-password",
            ),
            Password(
                "new",
                N_("New password"),
                required=True,
                shortest=SHORTEST,
                help=N_("At least 12 characters."),
                autocomplete="new-password",
            ),
            Password(
                "repeated",
                N_("New password again"),
                required=True,
                autocomplete="new-password",
            ),
        ],
        request.POST if request.method == "POST" else None,
    )


@view_config(route_name="password", renderer="password.jinja2", permission="member")
def password(request: Request) -> Any:
    """Change one's password; all sessions end."""
    form = password_form(request)
    if request.method == "POST" and form.validate():
        if form["new"] != form["repeated"]:
            form.reject("repeated", N_("The passwords differ."))
        elif attempt(
            request,
            form,
            lambda: web_user.change_password(
                request.identity, old=form["old"], new=form["new"]
            ),
        ):
            forget(request)
            say(
                request,
                request.translate("Your password is changed. Please log in again."),
            )
            return go(request, "login")
        elif form.good:
            form.reject("old", N_("This is not your password."))
    return page(request, form)
