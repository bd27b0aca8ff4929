# SPDX-License-Identifier: GPL-3.0-or-later
"""The portal and the API as real servers, in a real browser.

    harness test integration [--browser local|docker|URL] [--headed]

By hand, on a copy of the template `portal` that nobody else uses, with both servers
and a chromedriver running, and their addresses in `PORTAL_URL`, `API_URL` and
`SELENIUM_URL`:

    pytest -p harness.plugins.nose -p harness.plugins.browser \\
        portal_web/tests/integration
"""
