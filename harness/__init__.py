# SPDX-License-Identifier: GPL-3.0-or-later
"""Test, CI and maintenance harness of the collecting society stack.

PYTEST_DONT_REWRITE: it is imported before pytest looks at its plugins.
"""

__version__ = "0.1.0"
