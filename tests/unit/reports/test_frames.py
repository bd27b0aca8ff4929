# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of a traceback."""

from harness.reports import frames

LONG = """\
    def test_get(self):
>       client.get("/")

tests/test_portal.py:7:
_ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _

    def get(url):
>       return request(url)

/env/lib/python3.11/site-packages/requests/api.py:73:
_ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _

>       raise ConnectionError(e)
E       ConnectionError: port=31234
E         is closed

/env/lib/python3.11/site-packages/requests/adapters.py:519: ConnectionError
"""
SHORT = """\
ImportError while importing test module 'tests/test_new.py'.
Traceback:
/usr/lib/python3.11/importlib/__init__.py:126: in import_module
    return _bootstrap(name)
tests/test_new.py:3: in <module>
    import nope
E   ModuleNotFoundError: No module named 'nope'
"""


def test_frames_of_libraries_are_apart() -> None:
    own, library = frames.split(LONG)
    assert (own.library, own.count, library.library, library.count) == (
        False, 1, True, 2,
    )  # fmt: skip
    assert own.text + library.text == LONG


def test_a_file_that_cannot_be_imported_is_its_own() -> None:
    words, library, own = frames.split(SHORT)
    assert [one.library for one in (words, library, own)] == [False, True, False]
    assert own.text.startswith("tests/test_new.py:3: in <module>")


def test_where_all_is_of_libraries_nothing_is_apart() -> None:
    text = LONG.replace("tests/test_portal.py", "/x/site-packages/a/tests/test_b.py")
    (only,) = frames.split(text)
    assert (only.library, only.text) == (False, text)
    assert frames.split("") == ()


def test_errors_are_those_of_the_last_exception() -> None:
    text = "E   KeyError: 'x'\n\nDuring handling of it\n\n" + LONG
    assert frames.errors(text) == "E ConnectionError: port=31234\nE   is closed"
    assert frames.errors("nothing\n") == ""


def test_equal_failures_are_alike() -> None:
    one = frames.likeness("ConnectionError: port=31234 <x at 0x7f12ab>", LONG)
    two = frames.likeness("ConnectionError: port=45678 <x at 0x7fffff>", LONG)
    assert one == two
    assert one != frames.likeness("ConnectionError: port=31234", "")
    assert frames.likeness("assert 1 == 2", "") != frames.likeness("assert 1 == 3", "")
