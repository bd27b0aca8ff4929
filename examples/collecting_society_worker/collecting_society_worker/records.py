# SPDX-License-Identifier: GPL-3.0-or-later
"""The records, through proteus: over XML-RPC, or in this process.

Each method is one step that may be done again: what is there already is not made
twice.  A transition is the last thing of its step.
"""

import xmlrpc.client
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Protocol

from proteus import Model, Wizard, config

from .errors import ConfigurationError, Refused, Rejected, Unreachable, WorkerError
from .model import WORKING, Content, Digest, Fingerprint, Sound
from .settings import Settings

CONTENT = "collecting_society.content"
CHECKSUM = "collecting_society.checksum"
FINGERPRINT = "collecting_society.fingerprint"
ALGORITHM = "sha256"
MEGABYTE = 10**6
PAGE = 500
"""Records in one question."""
GONE = ("rejected", "dropped")
"""States in which a content is nobody's twin."""


class Records(Protocol):
    """What the worker needs of the records."""

    def limit(self) -> int:
        """Bytes that a file may have."""

    def waiting(self) -> list[str]:
        """UUIDs that wait for the worker, the oldest first."""

    def get(self, uuid: str) -> Content | None:
        """The record as it is now."""

    def states(self, uuids: Iterable[str]) -> dict[str, str]:
        """The states of those that have a record."""

    def counts(self) -> dict[str, int]:
        """How many records there are of each state."""

    def data(self, content: Content) -> bytes:
        """The bytes that the record itself has."""

    def checksummed(self, content: Content, digest: Digest) -> None:
        """Record the checksum; rejects the twin of another content."""

    def fingerprinted(
        self, content: Content, sound: Sound | None, found: Fingerprint | None
    ) -> None:
        """Record what was found; rejects the recording of another content."""

    def archived(self, content: Content) -> None:
        """Give the content its volume."""

    def reject(self, content: Content, rejected: Rejected) -> None:
        """Record the reason."""

    def retry(self, content: Content) -> None:
        """Send a rejected content to the beginning."""


def connect(settings: Settings) -> "Tryton":
    """The records of the database that the settings name."""
    with _translated():
        if settings.uri:
            config.set_xmlrpc(settings.address())
        else:
            config.set_trytond(user=settings.user)
        try:
            Model.get(CONTENT)
        except (KeyError, AttributeError):
            raise ConfigurationError(
                "the database has no module collecting_society"
            ) from None
    return Tryton()


class Tryton:
    """`Records` in Tryton."""

    def limit(self) -> int:
        with _translated():
            configuration = Model.get("collecting_society.configuration")(1)
            return int(configuration.max_upload_size) * MEGABYTE

    def waiting(self) -> list[str]:
        domain = [("processing_state", "in", list(WORKING))]
        return [row["uuid"] for row in self._rows(domain, ["uuid"])]

    def get(self, uuid: str) -> Content | None:
        with _translated():
            found = Model.get(CONTENT).find([("uuid", "=", uuid)])
            if not found:
                return None
            (record,) = found
            sums = [s.code for s in record.checksums if s.algorithm == ALGORITHM]
            return Content(
                id=record.id,
                uuid=uuid,
                name=record.name,
                state=record.processing_state,
                category=record.category,
                size=record.size,
                data=self._data_size(record.id),
                checksum=sums[0] if sums else None,
            )

    def _data_size(self, id_: int) -> int:
        (row,) = self._proxy().read([id_], ["data"], self._context(data="size"))
        return row["data"] or 0

    def states(self, uuids: Iterable[str]) -> dict[str, str]:
        names, found = list(uuids), {}
        for start in range(0, len(names), PAGE):
            domain = [("uuid", "in", names[start : start + PAGE])]
            for row in self._rows(domain, ["uuid", "processing_state"]):
                found[row["uuid"]] = row["processing_state"]
        return found

    def counts(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for row in self._rows([], ["processing_state"]):
            state = row["processing_state"]
            found[state] = found.get(state, 0) + 1
        return found

    def data(self, content: Content) -> bytes:
        with _translated():
            return bytes(Model.get(CONTENT)(content.id).data)

    def checksummed(self, content: Content, digest: Digest) -> None:
        with _translated():
            record = Model.get(CONTENT)(content.id)
            if record.processing_state == "uploaded":
                # proteus does not send what is for clients to read only.
                size = {"size": digest.size}
                self._proxy().write([record.id], size, self._context())
                record.click("preprocess")
            _note(record, CHECKSUM, ALGORITHM, code=digest.code)
            self._refuse_twin(record, CHECKSUM, digest.code, "checksum_collision")
            record.click("checksum")

    def fingerprinted(
        self, content: Content, sound: Sound | None, found: Fingerprint | None
    ) -> None:
        with _translated():
            record = Model.get(CONTENT)(content.id)
            if sound:
                record.mime_type = sound.mime_type
                record.duration = timedelta(seconds=round(sound.seconds, 3))
                record.sample_rate = sound.rate
                record.channels = sound.channels
                record.save()
            if found:
                _note(
                    record,
                    FINGERPRINT,
                    found.algorithm,
                    code=found.code,
                    version=found.version,
                )
                self._refuse_twin(
                    record, FINGERPRINT, found.code, "fingerprint_collision"
                )
            record.click("fingerprint")

    def archived(self, content: Content) -> None:
        with _translated():
            Model.get(CONTENT)(content.id).click("archive")

    def reject(self, content: Content, rejected: Rejected) -> None:
        with _translated():
            Content_ = Model.get(CONTENT)
            wizard = Wizard(f"{CONTENT}.reject", [Content_(content.id)])
            wizard.form.reason = rejected.reason
            wizard.form.note = rejected.note
            if rejected.duplicate:
                wizard.form.duplicate_of = Content_(rejected.duplicate)
            wizard.execute("reject")

    def retry(self, content: Content) -> None:
        with _translated():
            Model.get(CONTENT)(content.id).click("retry")

    def _refuse_twin(self, record: Any, model: str, code: str, reason: str) -> None:
        """Raise `Rejected` if another content has the same `code`."""
        found = Model.get(model).find(
            [
                ("code", "=", code),
                ("content", "!=", record.id),
                ("content.processing_state", "not in", list(GONE)),
            ],
            order=[("id", "ASC")],
            limit=1,
        )
        for one in found:
            twin = one.content
            raise Rejected(reason, f"It is the same as {twin.code}.", duplicate=twin.id)

    def _rows(
        self, domain: list[Any], names: Sequence[str]
    ) -> Iterator[dict[str, Any]]:
        """Fields of many records, a page in one question, the oldest first."""
        last = 0
        while True:
            with _translated():
                page = self._proxy().search_read(
                    [domain, ("id", ">", last)],
                    0,
                    PAGE,
                    [("id", "ASC")],
                    list(names),
                    self._context(),
                )
            yield from page
            if len(page) < PAGE:
                return
            last = page[-1]["id"]

    def _proxy(self) -> Any:
        return config.get_config().get_proxy(CONTENT)

    def _context(self, **formats: str) -> dict[str, Any]:
        more = {f"{CONTENT}.{name}": value for name, value in formats.items()}
        return {**config.get_config().context, **more}


def _note(record: Any, model: str, algorithm: str, **values: str) -> None:
    """The content's one record of `algorithm` in `model`, made or mended."""
    Note = Model.get(model)
    domain = [("content", "=", record.id), ("algorithm", "=", algorithm)]
    found = Note.find(domain, limit=1) or [Note(content=record, algorithm=algorithm)]
    for name, value in values.items():
        setattr(found[0], name, value)
    found[0].save()


@contextmanager
def _translated() -> Iterator[None]:
    """Say what the server said; a dead server is told from a refusal."""
    try:
        yield
    except (Rejected, WorkerError):
        raise
    except xmlrpc.client.ProtocolError as error:
        text = f"{error.errcode} {error.errmsg}"
        if error.errcode in (401, 403):
            raise Refused(
                f"the server refuses user or password ({text}):"
                " PROCESSING_USER, PROCESSING_PASSWORD"
            ) from None
        raise Unreachable(f"the server answers {text}") from None
    except xmlrpc.client.Fault as error:
        raise WorkerError(f"the server refuses: {_words(error.faultString)}") from error
    except OSError as error:
        raise Unreachable(f"the server does not answer: {error}") from None
    except Exception as error:
        kind = _kind(error)
        if kind is None:
            raise
        raise kind(f"the server refuses: {_words(error)}") from error


def _kind(error: Exception) -> type[WorkerError] | None:
    """In this process: an error of trytond's users, or of its database."""
    names = {f"{c.__module__}.{c.__name__}" for c in type(error).__mro__}
    if "trytond.exceptions.TrytonException" in names:
        return WorkerError
    if names & {"psycopg2.OperationalError", "psycopg.OperationalError"}:
        return Unreachable
    return None


def _words(said: object) -> str:
    return " ".join(str(said).split())
