# SPDX-License-Identifier: GPL-3.0-or-later
"""A run from its request to its results: servers, environment, processes."""
