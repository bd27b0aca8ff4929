# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa
"""What happened, a line each, in the file that CORPUS_LOG names."""

import os


def note(*words):
    with open(os.environ["CORPUS_LOG"], "a") as stream:
        stream.write(" ".join(str(word) for word in words) + "\n")
