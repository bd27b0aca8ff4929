# SPDX-License-Identifier: GPL-3.0-or-later
"""The page's template as code: to make it takes longer than all else of the page."""

import os
import pickle
import sys
from contextlib import suppress
from pathlib import Path

from jinja2 import BytecodeCache
from jinja2.bccache import Bucket


class Bytecode(BytecodeCache):
    """Keeps it where Python keeps that of `maker`, if that may be written.

    `maker` is the module that has the environment's options and filters: the code
    depends on them too.
    """

    def __init__(self, maker: Path) -> None:
        self.place = maker.parent / "__pycache__"
        self.maker = maker

    def get_source_checksum(self, source: str) -> str:
        """Of all that the code is made of."""
        return super().get_source_checksum(source + self.maker.read_text("utf-8"))

    def load_bytecode(self, bucket: Bucket) -> None:
        """None where there is none, or one that is broken."""
        broken = EOFError, ValueError, pickle.UnpicklingError
        with suppress(OSError, *broken), self._file(bucket).open("rb") as file:
            bucket.load_bytecode(file)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Without a place for it the next run only takes longer."""
        if sys.dont_write_bytecode:
            return
        file = self._file(bucket)
        new = file.with_suffix(f".{os.getpid()}")
        with suppress(OSError):
            new.write_bytes(bucket.bytecode_to_string())
            new.replace(file)

    def _file(self, bucket: Bucket) -> Path:
        return self.place / f"{bucket.key}.jinja"
