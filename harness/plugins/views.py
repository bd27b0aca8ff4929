# SPDX-License-Identifier: GPL-3.0-or-later
"""Views of Tryton: no database has what is in their files, but it was checked.

A module's ``view/NAME.xml`` is read when a client asks for the view.  While a template
is built it is read for nothing but trytond's own check of it, so all that the template
depends on is that this passes: ``python -m harness.plugins.views`` says whether it does
for another content, with no database.
"""

from __future__ import annotations

import io
import json
import sys
from types import SimpleNamespace
from typing import Any

KIND = "view"
"""Of facts: ``view form P`` is the file P, read for the check of a form."""
METHODS = frozenset(
    {
        "arch", "check_xml", "get_arch", "get_rng", "real_type", "rng_type", "validate",
        "validate_fields", "validator", "_validate", "_validator",
    }
)  # fmt: skip
"""What takes part in the check."""


def follow(observer: Any) -> None:
    """Let the observer tell the check of views from other reading of their files."""
    from trytond.ir.ui.view import View

    check, arch = View.check_xml.__func__, View.get_arch
    checking: list[bool] = []

    def check_xml(cls: Any, views: Any) -> None:
        # What records know by heart has no public way out:
        # https://foss.heptapod.net/tryton/tryton/-/blob/branch/7.0/trytond/trytond/model/modelstorage.py
        if not _trytonds(cls):
            check(cls, views)
            return
        checking.append(True)
        try:
            check(cls, views)
        finally:
            checking.pop()
            for view in views:  # who wants it after this, reads it
                view._local_cache.pop(view.id, None)

    def get_arch(self: Any, name: str) -> Any:
        if checking:
            observer.reading = f"{KIND} {_type(self)}"
        try:
            return arch(self, name)
        finally:
            observer.reading = "file"

    View.check_xml = classmethod(check_xml)
    View.get_arch = get_arch


def _type(view: Any) -> Any:
    """That of a view's schema; older series call it otherwise."""
    return view.real_type if hasattr(type(view), "real_type") else view.rng_type


def _trytonds(cls: Any) -> bool:
    """Whether the check is trytond's own: no module has another one."""
    modules = (one for one in cls.__mro__ if _of_module(one))
    return not any(METHODS & vars(one).keys() for one in modules)


def _of_module(cls: Any) -> bool:
    name: str = cls.__module__
    return name.startswith("trytond.modules.") or not name.startswith("trytond.")


def main() -> int:
    """Check the views on standard input, pairs of a type and a text; 1 if one fails."""
    from trytond.cache import BaseCache
    from trytond.ir.ui.view import View

    # The check wants a record, whose schema series 8 has made by a private method:
    # https://foss.heptapod.net/tryton/tryton/-/blob/branch/8.0/trytond/trytond/ir/ui/view.py
    for name, value in list(vars(View).items()):
        if isinstance(value, BaseCache):  # what it knows, it knows of a database
            setattr(View, name, Nothing())
    for type_, text in json.load(sys.stdin):
        found = io.StringIO(text, newline=None).read()
        view = SimpleNamespace(
            arch=found, rng_type=type_, real_type=type_, rec_name=type_
        )
        view.validator = lambda kind=type_: View._validator(kind)
        View.check_xml.__func__(View, [view])
    return 0


class Nothing:
    """A cache that remembers nothing."""

    def get(self, key: Any, default: Any = None) -> Any:
        return default

    def set(self, key: Any, value: Any) -> Any:
        return value


if __name__ == "__main__":
    raise SystemExit(main())
