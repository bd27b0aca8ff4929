# SPDX-License-Identifier: GPL-3.0-or-later
"""What a command of Selenium's does to a page, in words."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Mapping

CHANGING = {
    "get": "open",
    "goBack": "go back",
    "goForward": "go forward",
    "refresh": "load again",
    "clickElement": "click",
    "clearElement": "clear",
    "sendKeysToElement": "type",
    "actions": "move, press and release",
    "w3cAcceptAlert": "accept the alert",
    "w3cDismissAlert": "dismiss the alert",
    "w3cSetAlertValue": "type into the alert",
    "newWindow": "open a new window",
    "switchToWindow": "go to the window",
    "switchToFrame": "go into the frame",
    "close": "close the window",
}
"""Commands after which a page may look otherwise."""
TYPE, SCRIPT = "sendKeysToElement", "w3cExecuteScript"
TYPING = ("clearElement", TYPE)
"""Those of them that come in rows: the last one of a row shows them all."""
SCRIPTS = (SCRIPT, "w3cExecuteScriptAsync", "executeAsyncScript")
FINDING = ("findElement", "findElements", "findChildElement", "findChildElements")
LOOKING = ("/* isDisplayed */", "/* getAttribute */", "return ")
"""How scripts begin that only look."""
SUBMIT = "/* submitForm */"
SECRET = ("password", "passwort", "secret", "token")
LENGTH = 60
"""Characters of a text or script that are shown."""
OURS = ":not([type=hidden])"
"""What `harness.plugins.pages` adds to the names of fields."""
KNOWN = 500
"""Elements whose names are remembered."""


class Names:
    """What elements are called, by the way they were found; and words of commands."""

    def __init__(self) -> None:
        self._names: OrderedDict[str, str] = OrderedDict()
        self._secret: dict[str, bool] = {}

    def clear(self) -> None:
        """Forget all."""
        self._names.clear()
        self._secret.clear()

    def asked(self, id_: str) -> bool:
        """Whether it is known if an element is a field for passwords."""
        return id_ in self._secret

    def hide(self, id_: str, *, secret: bool) -> None:
        """An element is one, or it is none."""
        self._secret[id_] = secret

    def hidden(self, id_: str) -> bool:
        """Whether nobody shall see what is typed into an element."""
        name = self._names.get(id_, "").lower()
        return self._secret.get(id_, False) or any(word in name for word in SECRET)

    def learn(self, name: str, given: Mapping[str, Any], value: Any) -> None:
        """Elements were found, or none were."""
        if name not in FINDING:
            return
        found = value if isinstance(value, list) else [value]
        for place, one in enumerate(found):
            id_ = getattr(one, "id", None)
            if isinstance(id_, str):
                which = f" ({place + 1})" if place else ""
                name = str(given.get("value", "")).replace(OURS, "")
                self._names[id_] = f"{name}{which}"
        while len(self._names) > KNOWN:
            self._names.popitem(last=False)

    def words(self, name: str, given: Mapping[str, Any]) -> str:
        """What a command does; empty for one that changes nothing."""
        if name in SCRIPTS:
            return self._script(given)
        if name not in CHANGING:
            return ""
        where = self._names.get(str(given.get("id", "")), "")
        parts = [CHANGING[name]]
        if name == "sendKeysToElement":
            hidden = self.hidden(str(given.get("id", "")))
            text = repr(short(str(given.get("text", ""))))
            parts += ["•••" if hidden else text, "into"]
        parts += [str(given["url"])] if "url" in given else []
        return " ".join([*parts, where]).strip()

    def _script(self, given: Mapping[str, Any]) -> str:
        text = str(given.get("script", "")).lstrip()
        if text.startswith(LOOKING):
            return ""
        ids = (str(getattr(one, "id", "")) for one in given.get("args", ()))
        names = [self._names[one] for one in ids if one in self._names]
        if text.startswith(SUBMIT):
            return " ".join(["submit", *names])
        return " ".join([f"run {short(text)}", *(["on", *names] if names else [])])


def follows(last: str, words: str) -> bool:
    """Whether a field was cleared to be filled in."""
    clear = CHANGING["clearElement"]
    return last.startswith(clear) and words.endswith(f" into{last[len(clear) :]}")


def short(text: str) -> str:
    """A text on one line of bounded length."""
    text = " ".join(text[: 4 * LENGTH].split())
    return text if len(text) <= LENGTH else f"{text[: LENGTH - 1]}…"
