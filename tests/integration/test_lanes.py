# SPDX-License-Identifier: GPL-3.0-or-later
"""A suite with fixed names and ports, as C3S's are: a container for each worker.

The small suite below is written as if it had a machine of its own: it serves on
``test_web:6544``, asks for Firefox at ``test_browser:4444/wd/hub``, empties
``/shared/tests/screenshots``.  The stack's image has no Firefox unless it is asked for.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from xml.etree import ElementTree

import pytest

from harness.engine import Engine, Owned
from harness.store import Store
from tests.integration.conftest import environment

ROOT = Path(__file__).parents[2]
PREFIX = os.environ.get("HARNESS_IMAGES_PREFIX", "collecting-society")
CONFIGURATION = f"""\
    [tool.harness]
    [tool.harness.images]
    prefix = "{PREFIX}"
    [tool.harness.browser]
    evidence = "always"
    [tool.harness.source.hosts]
    kind = "python"
    [tool.harness.template.small]
    modules = ["res"]
    [tool.harness.suite.hosts]
    kind = "pytest"
    source = "hosts"
    template = "small"
    paths = ["tests/pages"]
    runner = "image"
    image = "tests"
    aliases = ["test_web"]
    database_aliases = ["test_database"]
    browser_aliases = ["test_browser"]
    apart = 2
    evidence = ["/shared/tests/screenshots"]
    directory = "/shared/tests"
    """
PYPROJECT = """\
    [build-system]
    requires = ["setuptools"]
    build-backend = "setuptools.build_meta"
    [project]
    name = "harness-test-hosts"
    version = "1"
    [tool.setuptools]
    packages = []
    """
CONFTEST = """\
    import http.server, os, pathlib, socket, threading, time
    import pytest
    from selenium.webdriver import FirefoxOptions, Remote

    SHOTS = pathlib.Path('/shared/tests/screenshots')
    PAGE = '<title>%s</title><form><input id=born type=date></form>'

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header('Content-Type', 'text/html')
            self.end_headers()
            self.wfile.write((PAGE % socket.gethostname()).encode())

    @pytest.fixture(autouse=True, scope='session')
    def empty():
        SHOTS.mkdir(parents=True, exist_ok=True)
        for path in SHOTS.glob('*.png'):
            path.unlink()

    @pytest.fixture(scope='session')
    def site():
        server = http.server.ThreadingHTTPServer(('0.0.0.0', 6544), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
        server.server_close()

    @pytest.fixture(scope='session')
    def browser(site):
        options = FirefoxOptions()
        options.add_argument('--headless')
        made = Remote(
            command_executor='http://test_browser:4444/wd/hub', options=options
        )
        yield made
        made.quit()

    @pytest.fixture
    def meet(request):
        def wait(own, other):
            place = pathlib.Path(__file__).parent
            (place / ('met-' + own)).touch()
            deadline = time.monotonic() + 60
            while not (place / ('met-' + other)).exists():
                assert time.monotonic() < deadline, other + ' does not come'
                time.sleep(0.05)
        return wait
    """
PAGES = """\
    import os, socket
    import psycopg2
    from conftest import SHOTS

    class Sequence:
        own = other = ''

        def test_010_is_open(self, browser, meet):
            browser.get('http://test_web:6544/')
            meet(self.own, self.other)  # both at once, each with the same port

        def test_020_is_its_own(self, browser):
            assert browser.title == socket.gethostname()
            browser.get_screenshot_as_file(str(SHOTS / (self.own + '.png')))
            assert [one.name for one in SHOTS.iterdir()] == [self.own + '.png']

        def test_030_takes_a_date(self, browser):
            field = browser.find_element('id', 'born')
            field.clear()
            field.send_keys('1970-01-31')
            assert field.get_attribute('value') == '1970-01-31'

        def test_040_writes(self):
            assert os.environ['PGHOST'] == 'test_database'
            from trytond.transaction import Transaction
            with Transaction().start('test', 1) as transaction:
                cursor = transaction.connection.cursor()
                cursor.execute("SELECT name FROM res_user WHERE login LIKE 'x%'")
                assert not cursor.fetchall()
                cursor.execute("UPDATE res_user SET login = 'x' || login")
                transaction.commit()

    class TestOne(Sequence):
        own, other = 'one', 'two'

    class TestTwo(Sequence):
        own, other = 'two', 'one'
    """
CRASH = """\
    import os

    class Sequence:
        def test_010(self, meet):
            meet(self.own, self.other)

        def test_020_goes(self):
            if 'HARNESS_LANES' not in os.environ:
                os._exit(3)

        def test_030_is_run_all_the_same(self):
            pass

    class TestHere(Sequence):
        own, other = 'here', 'there'

    class TestThere(Sequence):
        own, other = 'there', 'here'
    """
ONCE = """\
    import pathlib

    class Sequence:
        def test_010(self, site, meet):
            meet(self.own, self.other)

        def test_020_fails_once(self):
            mark = pathlib.Path(__file__).parents[1] / ('met-again-' + self.own)
            known = mark.exists()
            mark.touch()
            assert known, 'the first time'

    class TestHere(Sequence):
        own, other = 'here', 'there'

    class TestThere(Sequence):
        own, other = 'there', 'here'
    """
SLOW = """\
    import time

    class TestHere:
        def test(self, browser, meet):
            meet('here', 'there')
            time.sleep(600)

    class TestThere:
        def test(self, browser, meet):
            meet('there', 'here')
            time.sleep(600)
    """


@pytest.fixture(scope="module", autouse=True)
def images(engine: Engine) -> None:
    """The images of the example, built now where they are not as they should be."""
    subprocess.run(
        [sys.executable, "-m", "harness", "build", "db", "tests", "selenium"],
        cwd=ROOT,
        env={**os.environ, "HARNESS_PROFILE": "none", "HARNESS_SRC": "src.none"},
        check=True,
    )


@pytest.fixture
def place(state: Path) -> Path:
    """The project, as new."""
    path = state / "hosts"
    tests = path / "src" / "hosts" / "tests"
    for name, text in (
        ("pages", PAGES),
        ("crash", CRASH),
        ("slow", SLOW),
        ("once", ONCE),
    ):
        (tests / name).mkdir(parents=True, exist_ok=True)
        (tests / name / f"test_{name}.py").write_text(dedent(text))
    (tests / "conftest.py").write_text(dedent(CONFTEST))
    (path / "src" / "hosts" / "pyproject.toml").write_text(dedent(PYPROJECT))
    (path / "pyproject.toml").write_text(dedent(CONFIGURATION))
    for old in tests.glob("met-*"):
        old.unlink()
    return path


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(place: Path, state: Path) -> Iterator[Start]:
    """Start the suite in two containers."""
    begun: list[subprocess.Popen[str]] = []

    def call(*arguments: str, **more: str) -> "subprocess.Popen[str]":
        words = ("test", "hosts", "--jobs", "2", "--database", "docker", *arguments)
        process = subprocess.Popen(
            [sys.executable, "-m", "harness", *words],
            cwd=place,
            env=environment(state, **more),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        begun.append(process)
        return process

    yield call
    for process in begun:
        with process:
            process.kill()


def outcomes(place: Path) -> dict[str, str]:
    tree = ElementTree.parse(place / "reports" / "latest" / "junit.xml")
    return {
        f"{(case.get('classname') or '').rpartition('.')[2]}.{case.get('name')}": (
            ",".join(one.tag for one in case if one.tag in ("failure", "error"))
        )
        for case in tree.iter("testcase")
    }


def of_runs(engine: Engine, store: Store, kind: str = "") -> list[Owned]:
    found = [one for one in engine.owned(store.id) if one.run]
    return [one for one in found if not kind or one.kind == kind]


def until(condition: Callable[[], object], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def test_each_worker_has_names_ports_and_directories_of_its_own(
    start: Start, place: Path, engine: Engine, store: Store
) -> None:
    output, _ = start().communicate(timeout=500)
    found = outcomes(place)
    assert len(found) == 8, output
    assert set(found.values()) == {""}, output
    assert "browser: asked for firefox, given chrome" in output
    assert "ended before the tests" not in output
    report = place / "reports" / "latest"
    assert "asked for firefox, given chrome" in (report / "index.html").read_text()
    pictures = sorted(one.name.partition("-")[2] for one in report.glob("evidence/*"))
    assert pictures == ["one.png", "two.png"]
    assert (report / "gallery.html").read_text().count("<img") == 2
    assert of_runs(engine, store) == []


def test_a_worker_that_crashes_in_its_container_is_replaced_there(
    start: Start, place: Path
) -> None:
    output, _ = start("crash").communicate(timeout=500)
    found = outcomes(place)
    assert len(found) == 6, output
    [failed] = [name for name in found if found[name]]
    assert failed.endswith("test_020_goes"), output
    assert "ended with exit code 3" in output


def test_what_fails_is_run_again_in_a_container_that_is_free(
    start: Start, place: Path
) -> None:
    run = start("once", "--reruns", "1")
    output, _ = run.communicate(timeout=500)
    assert run.returncode == 0, output
    assert len(outcomes(place)) == 4
    assert "PASSED: 2 flaky" in output


def test_one_worker_needs_no_other_container(start: Start, place: Path) -> None:
    output, _ = start("pages", "-k", "TestOne and (020 or 030)").communicate(
        timeout=500
    )
    assert outcomes(place) == {
        "TestOne.test_020_is_its_own": "failure",  # no test has opened the page
        "TestOne.test_030_takes_a_date": "failure",
    }, output


def test_without_a_browser_tests_that_need_none_run(start: Start, place: Path) -> None:
    run = start("pages", "-k", "040", HARNESS_BROWSER_IMAGE="no/such:image")
    output, _ = run.communicate(timeout=500)
    assert run.returncode == 0, output
    assert "a browser at test_browser will find none" in output
    assert "the image no/such:image is not there" in output
    assert set(outcomes(place).values()) == {""}


def test_killed_in_mid_test_all_containers_end_and_networks_are_swept(
    start: Start, place: Path, engine: Engine, store: Store
) -> None:
    run = start("slow")
    until((place / "src/hosts/tests/met-there").exists, seconds=200)
    assert len(of_runs(engine, store, "network")) == 2
    assert len(of_runs(engine, store, "container")) == 4
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    until(lambda: not of_runs(engine, store, "container"), seconds=90)
    engine.sweep(store.id, store.live())  # as the next run does
    assert of_runs(engine, store) == []
