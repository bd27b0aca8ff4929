# SPDX-License-Identifier: GPL-3.0-or-later
"""What the portal's pages offer."""

from __future__ import annotations

import email
import email.policy
import os
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

from harness.plugins.browser import Page

PASSWORD = "correct horse battery"
ADA = "ada@example.com"
BELA = "bela@example.com"


class Portal(Page):
    """Any page, with what all have."""

    def speak(self, language: str) -> None:
        """Take a language by the button at the foot of the page."""
        self.follow(f"#language-form button[value={language}]")

    def log_in(self, who: str, password: str = PASSWORD) -> None:
        """Log in by the form."""
        self.open("/login")
        self.fill(email=who, password=password)
        self.submit()

    def log_out(self) -> None:
        """End the session by the button."""
        self.follow("#logout")

    @property
    def logged_in(self) -> bool:
        """Whether the page offers to log out."""
        return bool(self.texts("#logout"))

    @property
    def messages(self) -> list[str]:
        """What the page says of what was done."""
        return self.texts(".message")

    @property
    def menu(self) -> list[str]:
        """The links of the main menu."""
        return self.texts("header nav a")

    @property
    def number(self) -> str:
        """The number in the address of a record."""
        found = re.search(r"/(\d+)$", self.at)
        assert found, self.at
        return found[1]

    @property
    def code(self) -> str:
        """The code of the record that is shown."""
        return self.text("dl code")

    def save(self, path: str, **values: Any) -> str:
        """Fill in the form of a page; the number of the record that follows."""
        self.open(path)
        self.fill(**values)
        self.submit()
        return self.number

    def first(self, name: str) -> str:
        """The first real choice of a field."""
        options = self.find(f"select[name={name}]").find_elements(
            "css selector", "option"
        )
        return next(filter(None, (one.get_attribute("value") for one in options)))

    @property
    def too_wide(self) -> list[str]:
        """Elements that reach beyond the right edge of the screen."""
        script = """
            const edge = document.documentElement.clientWidth + 1;
            return [...document.querySelectorAll("body *")]
                .filter(one => one.getBoundingClientRect().right > edge)
                .map(one => one.outerHTML.slice(0, 120));
            """
        found: list[str] = self.driver.execute_script(script)
        return found

    def axe(self) -> list[str]:
        """What axe finds wrong with the page."""
        source = (files("axe_core_python") / "axe.min.js").read_text("utf-8")
        self.driver.execute_script(source)
        result = self.driver.execute_async_script(
            "axe.run(document, {resultTypes: ['violations']}).then(arguments[0]);"
        )
        return [
            f"{one['id']}: {node['html']}"
            for one in result["violations"]
            for node in one["nodes"]
        ]


def mails(recipient: str) -> list[Any]:
    """What was sent to somebody, the last one last."""
    found = sorted(
        Path(os.environ["PORTAL_MAIL_DIR"]).glob("*.eml"),
        key=lambda path: path.stat().st_mtime_ns,
    )
    parsed = [
        email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        for path in found
    ]
    return [message for message in parsed if message["To"] == recipient]


def link(message: Any) -> str:
    """The address in a mail."""
    found = re.search(r"https?://\S+", message.get_content())
    assert found, message
    return found[0]
