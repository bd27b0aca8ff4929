# SPDX-License-Identifier: GPL-3.0-or-later
"""Widely used plugins of pytest, each with warm workers and in one process."""

from pathlib import Path

import pytest

from tests.integration.conftest import Interpreter
from tests.integration.test_workers import good
from tests.integration.workbench import WARM, Ran, Suite

PACKAGES = (
    "pytest>=9.0,<10", "pytest-xdist>=3.8,<4", "pytest-cov", "pytest-timeout",
    "pytest-rerunfailures", "pytest-randomly", "pytest-asyncio", "pytest-mock",
    "pytest-html", "pytest-sugar", "pytest-dependency", "pytest-bdd",
)  # fmt: skip
HALVES = """
class TestA:
    def test_1(self): pass
    def test_2(self): assert 0, "wrong"
class TestB:
    def test_1(self): pass
"""
CASES = {
    "pytest_cov.plugin": (
        ("--cov=shop", "--cov-fail-under=100"),
        {
            "shop": "def one(): return 1\ndef two(): return 2\n",
            "test_shop": "import shop\nclass TestA:\n def test(self): shop.one()\n"
            "class TestB:\n def test(self): shop.two()\n",
        },
    ),
    "pytest_timeout": (
        ("--timeout=2",),
        {
            "test_slow": "import time\nclass TestA:\n def test(self): time.sleep(30)\n"
            "class TestB:\n def test(self): pass\n"
        },
    ),
    "pytest_rerunfailures": (
        ("--reruns=2",),
        {
            "test_shaky": "import pathlib\nclass TestA:\n def test(self, request):\n"
            "  config = request.config\n"
            "  mark = config.rootpath / f'{config.option.xmlpath}.seen'\n"
            "  there = mark.exists(); mark.touch(); assert there\n"
            "class TestB:\n def test(self): assert 0\n"
        },
    ),
    "pytest_asyncio.plugin": (
        ("-o", "asyncio_mode=auto"),
        {
            "test_loop": "import asyncio\nclass TestA:\n async def test(self):"
            " await asyncio.sleep(0)\nclass TestB:\n async def test(self):"
            " await asyncio.sleep(0); assert 0\n"
        },
    ),
    "pytest_mock": (
        (),
        {
            "test_mock": "import os\nclass TestA:\n def test(self, mocker):\n"
            "  mocker.patch('os.getcwd', return_value='x'); assert os.getcwd() == 'x'\n"
            "class TestB:\n def test(self): assert os.getcwd() != 'x'\n"
        },
    ),
    "pytest_html.plugin": (
        ("--html=report.html", "--self-contained-html", "-p", "pytest_metadata.plugin"),
        {"test_halves": HALVES},
    ),
    "pytest_sugar": ((), {"test_halves": HALVES}),
    "pytest_dependency": (
        (),
        {
            "test_needs": "import pytest\nclass TestA:\n @pytest.mark.dependency()\n"
            " def test(self): pass\nclass TestB:\n"
            " @pytest.mark.dependency(depends=['TestA::test'])\n"
            " def test(self): pass\n"
        },
    ),
    "pytest_bdd.plugin": (
        (),
        {
            "shop.feature": "Feature: shop\n  Scenario: buy\n    Given a shop\n"
            "    Then it is open\n",
            "test_bdd": "from pytest_bdd import given, scenarios, then\n"
            "scenarios('shop.feature')\n@given('a shop', target_fixture='shop')\n"
            "def shop(): return {'open': True}\n@then('it is open')\n"
            "def check(shop): assert shop['open']\ndef test_other(): assert 0\n",
        },
    ),
}


@pytest.fixture(scope="session")
def python(interpreter: Interpreter) -> Path:
    """An interpreter with all of them, and no harness."""
    return interpreter(*PACKAGES)


@pytest.fixture
def suite(tmp_path: Path, python: Path) -> Suite:
    made = Suite(tmp_path, python)
    made.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    return made


def warm(suite: Suite, *options: str) -> Ran:
    arguments = (*WARM, "-p", "xdist", "-n", "2", *options)
    return good(suite.run(arguments))


@pytest.mark.parametrize("plugin", CASES)
def test_a_plugin_does_with_workers_what_it_does_without(
    suite: Suite, plugin: str
) -> None:
    options, files = CASES[plugin]
    suite.write(**files)
    plain = suite.plain("-p", plugin, *options)
    ran = warm(suite, "-p", plugin, *options)
    assert plain.outcomes
    assert ran.told == plain.told, ran.text
    if "html" in plugin:
        assert "test_halves.py::TestA::test_2" in (
            suite.root / "report.html"
        ).read_text("utf-8")


def test_a_random_order_has_one_seed_in_all_workers(suite: Suite) -> None:
    suite.write(
        test_random="import pytest, random\n"
        "@pytest.mark.parametrize('v', range(20))\n"
        "def test(v, record_property): record_property('drawn', random.random())\n"
        "class TestB:\n def test(self): assert 0\n"
    )
    options = ("-p", "pytest_randomly", "--randomly-seed=7")
    plain, ran = suite.plain(*options), warm(suite, *options)
    assert len(plain.outcomes) == 21
    assert ran.told == plain.told, ran.text
    assert "--randomly-seed=7" in ran.text
