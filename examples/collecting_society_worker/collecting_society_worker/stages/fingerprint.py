# SPDX-License-Identifier: GPL-3.0-or-later
"""The recording in a file, whatever the file around it.

The fingerprint is the SHA-256 of the samples, so a FLAC file and the WAV file that
it was made of have the same, and two recordings never do.  It does not recognise a
lossy copy: that takes a perceptual one, with an algorithm name of its own.
"""

import hashlib
import sys
from array import array
from pathlib import Path

from ..audio import FULL_SCALE, WIDTH
from ..errors import Rejected
from ..model import Content, Fingerprint, Sound
from . import Bench

ALGORITHM = "pcm-sha256"
VERSION = "1"
QUIET = FULL_SCALE // 1000
"""A peak below this, −60 dB, is silence."""
TOLERANCE = 0.2
"""Seconds that an encoder may add or leave out."""


def take(file: Path, content: Content, sound: Sound, bench: Bench) -> Fingerprint:
    """Decode all of the file; reject what is silent or breaks off."""
    code = hashlib.sha256(f"{sound.rate}/{sound.channels}/".encode())
    peak = length = 0
    for piece in bench.decoder.samples(file, sound):
        code.update(piece)
        length += len(piece)
        values = array("i", piece)
        if sys.byteorder == "big":
            values.byteswap()
        peak = max(peak, max(values), -min(values))
    seconds = length / WIDTH / sound.channels / sound.rate
    if seconds < sound.seconds - TOLERANCE:
        raise Rejected(
            "format",
            f"The audio breaks off after {seconds:.2f} of {sound.seconds:.2f} seconds.",
        )
    if peak < QUIET:
        raise Rejected("silence", "There is nothing to be heard.")
    return Fingerprint(algorithm=ALGORITHM, version=VERSION, code=code.hexdigest())
