# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets in addresses are for servers, not for lines that people read."""

import re
from typing import Final

_PASSWORD: Final = re.compile(r"(://[^:@/\s\"']*:)[^/\s\"]*@")
_OPTION: Final = re.compile(
    r"([?&](?:password|passwd|passphrase|secret|token|api_?key)=)[^&\s\"']*",
    re.IGNORECASE,
)


def masked(text: str) -> str:
    """The text with ``***`` for the password of each address in it."""
    if "://" not in text:
        return text
    return _OPTION.sub(r"\1***", _PASSWORD.sub(r"\1***@", text))
