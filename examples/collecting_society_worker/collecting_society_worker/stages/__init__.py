# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages: functions of a file and its content that look, and change nothing.

Each returns what it found, or raises `Rejected`.  The worker records it.
"""

from dataclasses import dataclass

from ..audio import Decoder


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What the stages work with: limits, in bytes and seconds, and the decoder."""

    size: int
    minimum: float
    maximum: float
    lossless: bool
    excerpt: float
    decoder: Decoder
