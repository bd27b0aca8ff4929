# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m collecting_society_worker``: the commands."""

import argparse
import json
import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Event

from . import audio, recovery, settings
from .errors import ConfigurationError, Refused, Rejected, Unreachable, WorkerError
from .files import PLACES, Files, is_uuid
from .health import Health
from .model import WORKING, Content
from .records import Records, connect
from .stages import Bench
from .worker import Worker

REASONS = (
    "format",
    "size",
    "silence",
    "checksum_collision",
    "fingerprint_collision",
    "missing",
)
log = logging.getLogger(__package__)


def main(arguments: Sequence[str], environ: Mapping[str, str], stop: Event) -> int:
    """Run one command; the exit code."""
    options = vars(_parser().parse_args(arguments))
    command = options.pop("command")
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(message)s"
    )
    log.setLevel(logging.INFO)
    try:
        found = settings.load(environ, options.pop("config"))
        if command is run and not options["once"]:
            return _serve(found, environ, stop, **options)
        worker = _worker(found, environ, stop)
        return int(command(worker, found, **options))
    except WorkerError as error:
        sys.stderr.write(f"collecting_society_worker: {error}\n")
        return error.code


def _serve(
    found: settings.Settings,
    environ: Mapping[str, str],
    stop: Event,
    *,
    once: bool,
    interval: float | None,
) -> int:
    """`run` as a service: it connects again until it is ended."""
    health = Health(found.health)
    health.say("it begins")
    pause = interval or found.interval
    while True:
        try:
            worker = _worker(found, environ, stop)
            return run(worker, found, once=once, interval=interval)
        except (Unreachable, Refused) as error:
            log.error("%s; trying again in %g s", error, pause)
            health.say(str(error))
        if stop.wait(pause):
            return 0


def _worker(
    found: settings.Settings, environ: Mapping[str, str], stop: Event
) -> Worker:
    files = Files(Path(found.files))
    files.prepare()
    records = connect(found)
    bench = Bench(
        size=records.limit(),
        minimum=found.minimum,
        maximum=found.maximum,
        lossless=found.lossless,
        excerpt=found.excerpt,
        decoder=audio.choose(environ.get("PATH")),
    )
    health = Health(found.health)
    return Worker(
        files=files, records=records, bench=bench, health=health, stop=stop
    )


def run(
    worker: Worker, found: settings.Settings, *, once: bool, interval: float | None
) -> int:
    """Recover, then process what waits, once or for ever."""
    if isinstance(worker.bench.decoder, audio.Standard):
        log.warning("no ffmpeg: only WAV files are processed")
    findings = recovery.recover(worker, stale=found.stale)
    for finding in findings:
        log.warning("%s: %s: %s", finding.uuid, finding.kind, finding.text)
    left = worker.run(
        once=once,
        interval=interval or found.interval,
        before=lambda: recovery.settle(worker),
    )
    return 1 if once and (left or findings) else 0


def status(worker: Worker, found: settings.Settings, *, as_json: bool) -> int:
    """Counts of records and files, and what does not fit together."""
    states = worker.records.counts()
    places = {place: len(worker.files.names(place)) for place in reversed(PLACES)}
    findings = list(recovery.examine(worker.files, worker.records, stale=found.stale))
    if as_json:
        found_ = [{"kind": f.kind, "uuid": f.uuid, "text": f.text} for f in findings]
        print(json.dumps({"records": states, "files": places, "findings": found_}))
    else:
        for name in dict.fromkeys((*WORKING, *places, *states)):
            print(f"{name:15}{states.get(name, 0):8}{places.get(name, 0):8}")
        for finding in findings:
            print(f"{finding.kind}: {finding.uuid}: {finding.text}")
    return 1 if findings else 0


def reject(
    worker: Worker,
    found: settings.Settings,
    *,
    uuid: str,
    reason: str,
    note: str | None,
    duplicate_of: str | None,
) -> int:
    """Reject one content by hand."""
    twin = _content(worker.records, duplicate_of).id if duplicate_of else None
    with worker.files.lock(_checked(uuid)) as ours:
        content = _content(worker.records, uuid)
        _refuse(not ours, f"{uuid} is being processed; try again")
        _refuse(content.state not in WORKING, f"{uuid} is {content.state} already")
        worker.reject(content, Rejected(reason, note or "", duplicate=twin))
    return 0


def retry(worker: Worker, found: settings.Settings, *, uuid: str) -> int:
    """Send a rejected content to the beginning; the next pass takes it."""
    content = _content(worker.records, uuid)
    _refuse(content.state != "rejected", f"{uuid} is {content.state}, not rejected")
    worker.records.retry(content)
    return 0


def recover(worker: Worker, found: settings.Settings) -> int:
    """Mend what can be, report the rest."""
    findings = recovery.recover(worker, stale=found.stale)
    for finding in findings:
        print(f"{finding.kind}: {finding.uuid}: {finding.text}")
    return 1 if findings else 0


def _checked(uuid: str) -> str:
    _refuse(not is_uuid(uuid), f"{uuid!r} is not a UUID in its usual spelling")
    return uuid


def _content(records: Records, uuid: str) -> Content:
    content = records.get(_checked(uuid))
    if content is None:
        raise ConfigurationError(f"there is no content {uuid}")
    return content


def _refuse(refused: bool, text: str) -> None:
    if refused:
        raise ConfigurationError(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="collecting_society_worker", description="Processes uploaded files."
    )
    parser.add_argument("--config", metavar="INI", help="settings; PROCESSING_CONFIG")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    one = commands.add_parser("run", help="process what waits")
    one.add_argument("--once", action="store_true", help="one pass, then end")
    one.add_argument("--interval", type=float, metavar="S", help="between passes")
    one.set_defaults(command=run)

    one = commands.add_parser("status", help="what waits, rests and does not fit")
    one.add_argument("--json", action="store_true", dest="as_json")
    one.set_defaults(command=status)

    one = commands.add_parser("reject", help="reject a content by hand")
    one.add_argument("uuid", metavar="UUID")
    one.add_argument("--reason", required=True, choices=REASONS)
    one.add_argument("--note", help="for the one who uploaded it")
    one.add_argument("--duplicate-of", metavar="UUID")
    one.set_defaults(command=reject)

    one = commands.add_parser("retry", help="process a rejected content again")
    one.add_argument("uuid", metavar="UUID")
    one.set_defaults(command=retry)

    one = commands.add_parser("recover", help="mend what dead workers have left")
    one.set_defaults(command=recover)
    return parser


def _begin() -> int:
    """With the machine's arguments, environment and signals."""
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        # The file in hand is finished; a second signal does not wait for it.
        signal.signal(number, lambda got, _: _ask(stop, got))
    return main(sys.argv[1:], os.environ, stop)


def _ask(stop: Event, number: int) -> None:
    signal.signal(number, signal.SIG_DFL)
    stop.set()


if __name__ == "__main__":
    sys.exit(_begin())
