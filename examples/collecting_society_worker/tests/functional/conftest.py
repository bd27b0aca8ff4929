# SPDX-License-Identifier: GPL-3.0-or-later
"""A Tryton database: in this process, and over XML-RPC for workers of their own."""

import os
import subprocess
import sys
import threading
import uuid
from pathlib import Path

import pytest

PASSWORD = "correct horse battery staple"
KILLED = Path(__file__).with_name("killed.py")


@pytest.fixture(scope="class")
def tryton():
    """proteus in this process, on what DB_NAME names; nothing waits from before."""
    if not (os.environ.get("DB_NAME") and os.environ.get("TRYTOND_DATABASE_URI")):
        pytest.fail("set DB_NAME and TRYTOND_DATABASE_URI, or run: harness test")
    from collecting_society_worker import records
    from collecting_society_worker.errors import Rejected
    from collecting_society_worker.settings import Settings

    found = records.connect(Settings())
    for uuid_ in found.waiting():
        found.reject(found.get(uuid_), Rejected("missing", "Left by other tests."))
    return found


@pytest.fixture
def worker(tryton, files, make_bench):
    from collecting_society_worker.worker import Worker

    return Worker(files=files, records=tryton, bench=make_bench())


@pytest.fixture
def record(tryton):
    """The record of a UUID, as it is now."""
    from proteus import Model

    def record(uuid_):
        (found,) = Model.get("collecting_society.content").find([("uuid", "=", uuid_)])
        return found

    return record


@pytest.fixture
def upload(tryton, files, sound):
    """What the receiver does: the file, then the record."""
    from proteus import config

    def upload(seconds=1.5, *, data=None, **values):
        name = str(uuid.uuid4())
        path = files.path("uploaded", name)
        if data is None:
            sound(path, seconds)
        else:
            path.write_bytes(data)
        values = {"uuid": name, "name": "song.wav", **values}
        values.setdefault("size", path.stat().st_size)
        proxy = config.get_config().get_proxy("collecting_society.content")
        proxy.create([values], {})
        return name

    return upload


def once(login):
    """The hash of a password is slow by intent, and every request has one."""
    known = {}

    def remembered(database, user, parameters, **values):
        key = database, user, tuple(parameters.items())
        if key not in known:
            found = login(database, user, parameters, **values)
            if not found:
                return found
            known[key] = found
        return known[key]

    return remembered


@pytest.fixture(scope="class")
def server(tryton):
    """The application server in this process; its address."""
    from proteus import Model
    from trytond import security
    from trytond.pool import Pool
    from trytond.wsgi import app
    from werkzeug.serving import make_server

    (admin,) = Model.get("res.user").find([("login", "=", "admin")])
    admin.password = PASSWORD
    admin.save()
    Pool.start()
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(security, "login", once(security.login))
    served = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=served.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{served.server_port}/{os.environ['DB_NAME']}/"
    served.shutdown()
    thread.join()
    served.server_close()
    monkeypatch.undo()


@pytest.fixture
def environ(server, files):
    # Without ffmpeg: nothing here is about formats, and WAV is quicker.
    return {
        "PATH": "/nowhere",
        "PROCESSING_FILES": str(files.root),
        "PROCESSING_URI": server,
        "PROCESSING_PASSWORD": PASSWORD,
        "PYTHONWARNINGS": "error",
        "PYTHONUNBUFFERED": "1",
    }


@pytest.fixture
def start(environ):
    """Start the worker in a process of its own."""

    def start(*arguments, killed=None, **more):
        program = (
            [str(KILLED), killed] if killed else ["-m", "collecting_society_worker"]
        )
        return subprocess.Popen(
            [sys.executable, *program, *arguments],
            env={**environ, **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


@pytest.fixture
def command(start):
    """Run it to its end: exit code, output, messages."""

    def command(*arguments, **more):
        with start(*arguments, **more) as process:
            output, messages = process.communicate(timeout=60)
        return process.returncode, output, messages

    return command
