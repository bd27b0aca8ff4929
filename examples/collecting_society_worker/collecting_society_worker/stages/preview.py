# SPDX-License-Identifier: GPL-3.0-or-later
"""An excerpt from the middle, small and without tags."""

from pathlib import Path

from ..files import EXCERPTS, published
from ..model import Content, Sound
from . import Bench


def cut(file: Path, content: Content, sound: Sound, bench: Bench, root: Path) -> Path:
    """Write the excerpt below `root`; a second time gives the same."""
    target = root / EXCERPTS / (content.uuid + bench.decoder.suffix)
    seconds = min(bench.excerpt, sound.seconds)
    with published(target) as part:
        bench.decoder.excerpt(
            file, sound, part, start=(sound.seconds - seconds) / 2, seconds=seconds
        )
    return target
