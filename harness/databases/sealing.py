# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups that only the holder of a key can read: ``age`` writes and reads them."""

import contextlib
import shlex
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from harness import proc
from harness.errors import (
    FREE,
    CommandFailed,
    DatabaseError,
    DiskFull,
    MissingTool,
    UsageError,
)

PROGRAM: Final = "age"
MAGIC: Final = b"age-encryption.org/"
"""What an encrypted file begins with."""
SUFFIX: Final = ".age"


@dataclass(frozen=True, kw_only=True)
class Seal:
    """Whom backups are encrypted for; without recipients they are not."""

    recipients: tuple[str, ...]
    environ: Mapping[str, str]

    @property
    def suffix(self) -> str:
        """What the names of such backups end in."""
        return SUFFIX if self.recipients else ""

    def line(self, argv: str, path: Path) -> str:
        """What writes a program's output to a file, for a shell."""
        pipe = f" | {proc.line(self._argv())}" if self.recipients else ""
        return f"{argv}{pipe} > {shlex.quote(str(path))}"

    def require(self) -> None:
        """Raises where nothing can be encrypted for these."""
        with tempfile.TemporaryFile() as nothing, self.around(nothing):
            pass

    @contextlib.contextmanager
    def around(self, stream: IO[bytes]) -> Iterator[IO[bytes]]:
        """What is written to: a stream, or what encrypts it for that.

        Raises `CommandFailed` with the program's words where that fails.
        """
        if not self.recipients:
            yield stream
            return
        argv = self._argv()
        with _child(argv, self.environ, stream) as (child, said):
            assert child.process.stdin
            with contextlib.suppress(BrokenPipeError):
                yield child.process.stdin
                child.process.stdin.close()
            if child.code():
                text = _words(said)
                if DiskFull.said(text):
                    raise DiskFull(text, remedy=FREE)
                raise CommandFailed(
                    f"the backup cannot be encrypted: {text}",
                    checked=proc.line(argv),
                    remedy="encrypt_to has public keys, age1…, as age-keygen says them",
                )

    def _argv(self) -> list[str]:
        keys = (word for one in self.recipients for word in ("--recipient", one))
        return [PROGRAM, *keys]


def back(argv: str, path: Path, identity: object) -> str:
    """What hands a file to a program, decrypted by an `identity` if there is one."""
    file = shlex.quote(str(path))
    if not identity:
        return f"{argv} < {file}"
    key = shlex.quote(str(identity))
    return f"{PROGRAM} --decrypt --identity {key} {file} | {argv}"


@dataclass(frozen=True, kw_only=True)
class Backup:
    """The file of a backup, and the key of one that is encrypted."""

    path: Path
    identity: Path | None
    key: bytes = field(repr=False)
    environ: Mapping[str, str]

    @classmethod
    def of(
        cls, path: Path, identity: Path | None, environ: Mapping[str, str]
    ) -> "Backup":
        """The key is read once: it may come in a pipe, and so lie on no disk."""
        try:
            key = identity.read_bytes() if identity else b""
        except OSError as error:
            raise UsageError(
                f"the identity {identity} cannot be read: {error.strerror}",
                remedy="name the file that age-keygen has written, or <(ssh HOST cat"
                " FILE)",
            ) from error
        return cls(path=path, identity=identity, key=key, environ=environ)

    @contextlib.contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """The content; an end before that of the file is none of its own.

        Raises `UsageError` where the key is not the one, or is not given, and
        `DatabaseError` where the file is damaged.
        """
        # Without a buffer: programs go on where this has stopped reading.
        with self.path.open("rb", buffering=0) as file:
            if not file.read(len(MAGIC)).startswith(MAGIC):
                file.seek(0)
                yield file
                return
        if not self.identity:
            raise UsageError(
                f"{self.path} is encrypted",
                remedy="--identity FILE, the secret key of its recipient; nothing was"
                " changed",
            )
        argv = [PROGRAM, "--decrypt", "--identity", "-", str(self.path)]
        with _child(argv, self.environ, proc.PIPE) as (child, said):
            assert child.process.stdin
            assert child.process.stdout
            with contextlib.suppress(BrokenPipeError):
                child.process.stdin.write(self.key)
                child.process.stdin.close()
            yield child.process.stdout
            if not child.process.stdout.read(1) and child.code():
                text = _words(said)
                wrong = "identity matched" in text or "secret keys" in text
                raise (UsageError if wrong else DatabaseError)(
                    f"{self.path} cannot be decrypted: {text}",
                    checked=f"by the identity {self.identity}",
                    remedy="name the secret key of one of its recipients, and a whole"
                    " file",
                )


@contextlib.contextmanager
def _child(
    argv: list[str], environ: Mapping[str, str], stdout: proc.Output
) -> Iterator[tuple[proc.Child, IO[bytes]]]:
    """The program, and the file of what it says."""
    if not shutil.which(PROGRAM, path=environ.get("PATH")):
        raise MissingTool(
            f"encrypted backups need {PROGRAM}, which is not there",
            checked="PATH",
            remedy=f"apt-get install {PROGRAM}; brew install {PROGRAM}",
        )
    with (
        tempfile.TemporaryFile() as said,
        proc.Child(
            argv, env=environ, stdin=proc.PIPE, stdout=stdout, stderr=said
        ) as child,
    ):
        yield child, said


def _words(said: IO[bytes]) -> str:
    said.seek(0)
    lines = said.read().decode(errors="replace").splitlines()
    return next(iter(lines), "it said nothing").removeprefix(f"{PROGRAM}: error: ")
