# SPDX-License-Identifier: GPL-3.0-or-later
"""Sphinx builds the documentation: ``harness docs``.

DOCS_SOURCES has the directories of sources whose interface is described.
"""

import os

project = "harness"
author = "the harness's authors"
extensions = ["myst_parser"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "harness"
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3

sources = [
    one
    for one in os.environ.get("DOCS_SOURCES", "").split(os.pathsep)  # noqa: TID251
    if one
]
if sources:
    extensions.append("autoapi.extension")
    autoapi_dirs = sources
    autoapi_root = "autoapi"
    autoapi_options = ["members", "undoc-members", "show-inheritance"]
    autoapi_ignore = ["*/tests/*", "*/.*"]
    autoapi_keep_files = True
