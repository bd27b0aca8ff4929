# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates and leases for any project's pytest: no configuration, no Tryton.

``python -m harness.standalone`` is the broker of one session of pytest; the plugin
`harness.plugins.postgresql` starts it.
"""
