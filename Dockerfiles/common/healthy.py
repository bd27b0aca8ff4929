# SPDX-License-Identifier: GPL-3.0-or-later
"""``healthy.py URL``: whether a server answers at all; an error of its own is no."""

import sys
import urllib.error
import urllib.request

try:
    with urllib.request.urlopen(sys.argv[1], timeout=4) as answer:
        code = answer.status
except urllib.error.HTTPError as error:
    code = error.code
except OSError as error:
    raise SystemExit(f"{sys.argv[1]}: {error}") from None
raise SystemExit(0 if code < 500 else f"{sys.argv[1]}: {code}")
