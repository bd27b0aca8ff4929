# SPDX-License-Identifier: GPL-3.0-or-later
"""What the views share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request
from trytond.exceptions import UserError

from ..forms import Form

Result = TypeVar("Result")
SUCCESS = "success"
PROBLEM = "problem"


def go(request: Request, route: str, **parts: Any) -> HTTPSeeOther:
    """On to another page, by GET."""
    return HTTPSeeOther(request.route_path(route, **parts))


def say(request: Request, message: str, kind: str = SUCCESS) -> None:
    """Show a message on the next page."""
    request.session.flash({"kind": kind, "text": message})


def attempt(
    request: Request, form: Form, action: Callable[[], Result]
) -> Result | None:
    """The result of `action`; None if Tryton refuses, with its reason in the form."""
    try:
        return action()
    except UserError as error:
        request.work.rollback()
        form.problems.append(error.message)
        return None


def attempt_step(request: Request, action: Callable[[], object], done: str) -> None:
    """Do a step of a workflow, and say on the next page how it went."""
    try:
        action()
    except UserError as error:
        request.work.rollback()
        say(request, error.message, PROBLEM)
    else:
        say(request, done)


def page(request: Request, form: Form, **more: Any) -> dict[str, Any]:
    """A page with a form; a form with errors is no success."""
    if not form.good:
        request.response.status_int = 422
    return {"form": form, **more}
