# SPDX-License-Identifier: GPL-3.0-or-later
"""Warnings keep their class on the way from a worker to the session."""

import warnings
from typing import Any

import pytest
from xdist import workermanage
from xdist.remote import serialize_warning_message

from harness.plugins.workers import forwarded


class CustomWarning(UserWarning):
    """One that the session can import."""


class DemandingWarning(UserWarning):
    """One that is not made of what it says."""

    def __init__(self, number: int, *, text: str) -> None:
        super().__init__(f"{number} {text}")


def recorded(message: Warning | str, category: type[Warning]) -> Any:
    return warnings.WarningMessage(message, category, "a.py", 3)


def sent(data: Any) -> Any:
    return forwarded.resolving(workermanage.unserialize_warning_message)(data)


@pytest.mark.parametrize("category", [DeprecationWarning, CustomWarning])
def test_a_class_that_can_be_imported_is_that_class(category: type[Warning]) -> None:
    told = sent(serialize_warning_message(recorded(category("old"), category)))
    assert told.category is category
    assert type(told.message) is category
    assert str(told.message) == "old"
    assert (told.filename, told.lineno) == ("a.py", 3)


@pytest.mark.parametrize(
    "change",
    [
        {"module": "no_such_module_of_tests"},  # a test module, for the session
        {"class_name": "Local"},  # a class of a function
    ],
)
def test_another_class_keeps_its_names(change: dict[str, str]) -> None:
    data = serialize_warning_message(recorded(CustomWarning("here"), CustomWarning))
    for part, value in change.items():
        data.update({f"message_{part}": value, f"category_{part}": value})
    with pytest.raises((ImportError, AttributeError)):
        workermanage.unserialize_warning_message(data)
    told = sent(data)
    assert told.category.__module__ == data["category_module"]
    assert told.category.__name__ == data["category_class_name"]
    assert issubclass(told.category, Warning)
    assert isinstance(told.message, told.category)
    assert str(told.message) == "here"
    assert (told.filename, told.lineno) == ("a.py", 3)


def test_one_that_cannot_be_made_again_says_what_it_said() -> None:
    warning = DemandingWarning(2, text="left")
    data = serialize_warning_message(recorded(warning, DemandingWarning))
    assert sent(data).category is DemandingWarning
    data["category_class_name"] = data["message_class_name"] = "Local"
    assert str(sent(data).message) == "2 left"


def test_it_is_undone_with_the_session() -> None:
    original = workermanage.unserialize_warning_message
    undo = []

    class Config:
        add_cleanup = undo.append

    forwarded.install(Config())  # type: ignore[arg-type]
    assert workermanage.unserialize_warning_message is not original
    undo.pop()()
    assert workermanage.unserialize_warning_message is original
