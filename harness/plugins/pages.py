# SPDX-License-Identifier: GPL-3.0-or-later
"""Page objects: what a page offers, with waits that say what they wait for.

class Login(Page):
    path = "/login"

    def log_in(self, email: str, password: str) -> None:
        self.fill(email=email, password=password)
        self.submit()
"""

from __future__ import annotations

import contextlib
from typing import Any, Callable, Iterator, TypeVar

from harness.plugins.driving import Browser

Result = TypeVar("Result")
Made = TypeVar("Made", bound="Page")
PATIENCE = 10.0
"""Seconds that a page gets to show what is expected of it."""


class Page:
    """A page in a browser, below the address `base`."""

    path = "/"
    form = "form[method=post].main"
    """The form that `submit` sends."""

    def __init__(self, browser: Browser, base: str) -> None:
        self.browser = browser
        self.base = base.rstrip("/")

    @property
    def driver(self) -> Any:
        """Selenium's WebDriver."""
        return self.browser.driver

    def open(self: Made, path: str | None = None) -> Made:
        """Load the page, to its end."""
        path = self.path if path is None else path
        self.driver.get(path if "://" in path else f"{self.base}{path}")
        return self

    # -- what is there ---------------------------------------------------------------

    @property
    def at(self) -> str:
        """The path of the page that is shown, with its query."""
        return str(self.driver.current_url).removeprefix(self.base)

    @property
    def title(self) -> str:
        """The title of the document."""
        return str(self.driver.title)

    @property
    def language(self) -> str:
        """What the document says its language is."""
        return str(self.driver.execute_script("return document.documentElement.lang"))

    def text(self, css: str = "body") -> str:
        """The text of an element that is shown."""
        return str(self.find(css).text)

    def texts(self, css: str) -> list[str]:
        """The texts of all elements that match; none is fine."""
        return [one.text for one in self.driver.find_elements("css selector", css)]

    def find(self, css: str) -> Any:
        """The first element that matches and is shown; waits for it."""
        return self.wait(lambda: self._shown(css), f"{css!r} to be shown")

    def _shown(self, css: str) -> Any:
        found = self.driver.find_elements("css selector", css)
        return next((one for one in found if one.is_displayed()), None)

    def wait(
        self,
        condition: Callable[[], Result | None],
        what: str,
        seconds: float = PATIENCE,
    ) -> Result:
        """The first true answer of `condition`, which may stumble over a page
        that changes.

        Raises Selenium's TimeoutException, which says for `what` it waited.
        """
        from selenium.common.exceptions import (
            NoSuchElementException,
            StaleElementReferenceException,
        )
        from selenium.webdriver.support.ui import WebDriverWait

        passing = (NoSuchElementException, StaleElementReferenceException)
        waiting = WebDriverWait(self.driver, seconds, 0.05, ignored_exceptions=passing)
        here = self.driver.current_url
        found: Result = waiting.until(
            lambda driver: condition(), f"waited for {what} on {here}"
        )
        return found

    # -- what is done ----------------------------------------------------------------

    @contextlib.contextmanager
    def leaving(self) -> Iterator[None]:
        """Wait, at the end, until another document is loaded."""
        script = "return document.readyState"
        old = self.driver.find_element("css selector", "html")
        yield
        self.wait(lambda: _gone(old), "another page")
        self.wait(
            lambda: self.driver.execute_script(script) == "complete", "the whole page"
        )

    def click(self, css: str) -> None:
        """Click on something that stays on the page."""
        self.find(css).click()

    def follow(self, css: str) -> None:
        """Click on something that leads to another page, and wait for it."""
        element = self.find(css)
        with self.leaving():
            element.click()

    def press(self, text: str) -> None:
        """Press the button, or follow the link, that has this text."""
        element = self.wait(lambda: self._named(text), f"a button {text!r}")
        with self.leaving():
            element.click()

    def _named(self, text: str) -> Any:
        found = self.driver.find_elements(
            "css selector", "main a, main button, a, button"
        )
        named = (one for one in found if one.text.strip() == text)
        return next((one for one in named if one.is_displayed()), None)

    def fill(self, **values: object) -> None:
        """Fill in fields by their names: texts, choices, dates, True for a tick."""
        for name, value in values.items():
            self.set(name, value)

    def set(self, name: str, value: object) -> None:
        """Fill in one field."""
        field = self.find(f"[name={name!r}]:not([type=hidden])")
        kind = str(field.get_attribute("type"))
        if kind in ("checkbox", "radio"):
            if field.is_selected() != bool(value):
                field.click()
        elif field.tag_name == "select":
            self._choose(field, str(value))
        elif kind == "file":
            field.send_keys(str(value))
        elif kind in ("date", "time", "number"):  # what keys mean depends on a locale
            self.driver.execute_script(
                "arguments[0].value = arguments[1];"
                "arguments[0].dispatchEvent(new Event('change', {bubbles: true}));",
                field,
                str(value),
            )
        else:
            field.clear()
            field.send_keys(str(value))

    def _choose(self, field: Any, text: str) -> None:
        from selenium.webdriver.support.ui import Select

        choice = Select(field)
        texts = [one.text for one in choice.options]
        likely = [one for one in texts if text in one]
        if text in texts:
            choice.select_by_visible_text(text)
        elif len(likely) == 1:
            choice.select_by_visible_text(likely[0])
        else:
            choice.select_by_value(text)

    def submit(self, form: str = "") -> None:
        """Send the page's form, and wait for the answer."""
        self.follow(f"{form or self.form} [type=submit]")


def _gone(element: Any) -> bool:
    from selenium.common.exceptions import (
        StaleElementReferenceException,
        WebDriverException,
    )

    try:
        element.is_enabled()
    except StaleElementReferenceException:
        return True
    except WebDriverException as error:  # between two documents
        return "does not belong to the document" in str(error.msg)
    return False
