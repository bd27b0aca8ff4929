# SPDX-License-Identifier: GPL-3.0-or-later
"""Warnings that workers send to the session: one of an unknown class ends no run.

pytest-xdist sends the names of a warning's class, and the session looks them up by an
import.  Where it cannot, for a class of a test module or of a function, its receiving
thread ends with the worker, and the run with a ``KeyError`` of the scheduler:
https://github.com/pytest-dev/pytest-xdist/issues/404
"""

from __future__ import annotations

from typing import Any, Callable

import pytest


def install(config: pytest.Config) -> None:
    """For as long as `config` is used."""
    # There is no hook between the look-up and what it breaks; a pull request upstream
    # (https://github.com/pytest-dev/pytest-xdist/pull/1387) would make this needless.
    from xdist import workermanage

    original = workermanage.unserialize_warning_message
    workermanage.unserialize_warning_message = resolving(original)

    def undo() -> None:
        workermanage.unserialize_warning_message = original

    config.add_cleanup(undo)


def resolving(original: Callable[[Any], Any]) -> Callable[[dict[str, Any]], Any]:
    """`original`, with a class of the same names for one that cannot be imported."""

    def unserialize(data: dict[str, Any]) -> Any:
        try:
            return original(data)
        except Exception:  # an import can raise anything
            plain = {
                "message_module": None,
                "category_module": "builtins",
                "category_class_name": "Warning",
            }
            told = original({**data, **plain})
            names = {"__module__": data["category_module"]}
            told.category = type(data["category_class_name"], (Warning,), names)
            told.message = told.category(data["message_str"])
            return told

    return unserialize
