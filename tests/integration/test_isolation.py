# SPDX-License-Identifier: GPL-3.0-or-later
"""What a class of Tryton tests leaves is never found by another one.

Each test says how many records it must find: what the data have (one), what fixtures
around its class have made, and what its own class has made before it.  So a run is
green exactly where isolation holds, whoever runs what and in which order.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from xml.etree import ElementTree

import pytest

from tests.integration.test_run import Harness
from tests.weekly import weekly

SOME = pytest.mark.parametrize(
    ("jobs", "server"),
    [("1", "local"), weekly("1", "sqlite"), weekly("2", "local"), ("2", "sqlite")],
)

COMMON = """\
    import unittest
    from trytond.pool import Pool
    from trytond.tests import test_tryton
    from trytond.tests.test_tryton import (
        DB_NAME, activate_module, db_exist, drop_db, with_transaction)
    from trytond.transaction import Transaction


    def names():
        with Transaction().start(DB_NAME, 1):
            return sorted(t.name for t in Pool().get('alpha.thing').search([]))


    def write(name):
        with Transaction().start(DB_NAME, 1) as transaction:
            Pool().get('alpha.thing').create([{'name': name}])
            transaction.commit()
    """
FILES = {
    "test_classes.py": """\
        from .common import *


        class Activates:
            @classmethod
            def setUpClass(cls):
                super().setUpClass()
                activate_module('alpha')

            def test_1(self):
                self.assertEqual(names(), ['First'])
                write(type(self).__name__)

            def test_2(self):
                self.assertEqual(names(), sorted(['First', type(self).__name__]))


        class OneTestCase(Activates, unittest.TestCase):
            pass


        class TwoTestCase(Activates, unittest.TestCase):
            pass


        class UnchangedTestCase(unittest.TestCase):
            def setUp(self):
                activate_module('alpha')

            @with_transaction()
            def test_1(self):
                Thing = Pool().get('alpha.thing')
                self.assertEqual(Thing.search([], count=True), 1)
                Thing.create([{'name': 'rolled back'}])


        class CommittingTestCase(test_tryton.ModuleTestCase):
            module = 'alpha'

            @with_transaction()
            def test_commits(self):
                Thing = Pool().get('alpha.thing')
                self.assertEqual(Thing.search([], count=True), 1)
                Thing.create([{'name': 'one more'}])
                Transaction().commit()

            @classmethod
            def tearDownClass(cls):
                unittest.TestCase.tearDownClass()


        class EachTestCase(unittest.TestCase):
            def setUp(self):
                activate_module('alpha')

            test_1 = Activates.test_1
            test_2 = Activates.test_2


        class OpenTestCase(unittest.TestCase):
            def test_leaves_a_transaction(self):
                activate_module('alpha')
                Transaction().start(DB_NAME, 1)
                Pool().get('alpha.thing').create([{'name': 'not committed'}])


        class AfterOpenTestCase(Activates, unittest.TestCase):
            pass


        class MoreTestCase(unittest.TestCase):
            def test_more_modules(self):
                activate_module('alpha')
                activate_module('beta')
                self.assertEqual(names(), ['First'])


        class LessTestCase(unittest.TestCase):
            def test_less_modules(self):
                activate_module('alpha')
                with Transaction().start(DB_NAME, 1):
                    Module = Pool().get('ir.module')
                    [beta] = Module.search([('name', '=', 'beta')])
                    self.assertNotEqual(beta.state, 'activated')
                    self.assertRaises(KeyError, Pool().get, 'beta.other')


        class NothingTestCase(unittest.TestCase):
            def test_nothing_was_activated(self):
                self.assertFalse(db_exist())


        def test_function():
            assert not db_exist()
            activate_module('alpha')
            assert names() == ['First']
            write('function')


        def test_function_is_a_class_of_its_own():
            assert not db_exist()
            activate_module('alpha')
            assert names() == ['First']

        """,
    "test_wide.py": """\
        import pytest
        from .common import *


        @pytest.fixture(scope='module', autouse=True)
        def wide():
            drop_db()
            activate_module('alpha')
            write('module')
            yield
            assert names() == ['First', 'module']
            write('gone')


        class Sees:
            def test_1(self):
                self.assertEqual(names(), ['First', 'module'])
                write('test')

            def test_2(self):
                self.assertEqual(names(), ['First', 'module', 'test'])


        class OneTestCase(Sees, unittest.TestCase):
            pass


        class TwoTestCase(Sees, unittest.TestCase):
            pass


        class OwnTestCase(test_tryton.ModuleTestCase):
            module = 'alpha'

            def test_own(self):
                self.assertEqual(names(), ['First'])
                write('own')


        class ThreeTestCase(Sees, unittest.TestCase):
            pass


        class DropsTestCase(unittest.TestCase):
            def test_drops(self):
                drop_db()


        class FourTestCase(Sees, unittest.TestCase):
            pass


        def test_function():
            assert names() == ['First', 'module']
            write('function')


        def test_other_function():
            assert names() == ['First', 'module']

        """,
    "test_unittest.py": """\
        from .common import *


        def setUpModule():
            activate_module('alpha')
            write('module')


        class OneTestCase(unittest.TestCase):
            def test_1(self):
                self.assertEqual(names(), ['First', 'module'])
                write('test')


        class TwoTestCase(OneTestCase):
            pass
        """,
    "test_last.py": """\
        from .test_classes import Activates
        from .common import *


        class LastTestCase(Activates, unittest.TestCase):
            pass
        """,
    "test_marks.py": """\
        import pytest
        from .common import *


        class Activates:
            @classmethod
            def setUpClass(cls):
                activate_module('alpha')
                write('class')


        @pytest.mark.isolation('test')
        class EachTestCase(Activates, unittest.TestCase):
            def test_1(self):
                self.assertEqual(names(), ['First', 'class'])
                write('test')

            def test_2(self):
                self.assertEqual(names(), ['First', 'class'])
                write('test')

            def test_3(self):
                self.assertEqual(names(), ['First', 'class'])


        class MixedTestCase(Activates, unittest.TestCase):
            def test_1(self):
                write('test')

            @pytest.mark.isolation('test')
            def test_2(self):
                self.assertEqual(names(), ['First', 'class', 'test'])
                write('other')

            def test_3(self):
                self.assertEqual(names(), ['First', 'class', 'test'])


        @pytest.mark.isolation('module')
        class SharingTestCase(unittest.TestCase):
            def test_1(self):
                self.assertFalse(db_exist())
                activate_module('alpha')
                write('shared')


        class BetweenTestCase(unittest.TestCase):
            def test_1(self):
                self.assertFalse(db_exist())
                activate_module('alpha')
                self.assertEqual(names(), ['First'])
                write('between')


        @pytest.mark.isolation('module')
        class SharedTestCase(unittest.TestCase):
            def test_1(self):
                self.assertTrue(db_exist())
                self.assertEqual(names(), ['First', 'shared'])
                drop_db()


        class BetweenAgainTestCase(BetweenTestCase):
            pass


        @pytest.mark.isolation('module')
        class SharedAgainTestCase(unittest.TestCase):
            def test_1(self):
                self.assertFalse(db_exist())
                activate_module('alpha')
                self.assertEqual(names(), ['First', 'shared'])
        """,
    "scenario_one.rst": """\
        >>> from trytond.tests.tools import activate_modules
        >>> from proteus import Model
        >>> config = activate_modules('alpha')
        >>> Thing = Model.get('alpha.thing')
        >>> [thing.name for thing in Thing.find([])]
        ['First']
        >>> Thing(name='scenario').save()
        """,
}
FILES["scenario_two.rst"] = FILES["scenario_one.rst"]


TESTS = 89
"""How many that makes, those of `ModuleTestCase` included."""


@pytest.fixture
def suite(project: Path) -> Path:
    """Tests in ``beta``, which has a model of its own and depends on ``alpha``."""
    module = project / "src/beta/beta"
    (module / "__init__.py").write_text(
        dedent("""\
        from trytond.pool import Pool
        from trytond.model import ModelSQL

        class Other(ModelSQL):
            "Other"
            __name__ = 'beta.other'

        def register():
            Pool.register(Other, module='beta', type_='model')
        """)
    )
    for name, text in {"common.py": COMMON, **FILES}.items():
        (module / "tests" / name).write_text(dedent(text))
    return project


def outcomes(project: Path) -> Counter[str]:
    """How many tests of the last run have passed, and what became of the others."""
    tree = ElementTree.parse(project / "reports/latest/junit.xml")
    names = (
        ",".join(one.tag for one in case if not one.tag.startswith("system"))
        for case in tree.iter("testcase")
    )
    return Counter(name or "passed" for name in names)


@pytest.fixture
def run(harness: Harness, suite: Path) -> Callable[..., None]:
    """Run so many tests, each of which must pass."""

    def call(*options: str, tests: int = TESTS) -> None:
        done = harness("test", "tryton", "beta", "-k", "not BetaTestCase", *options)
        assert done.returncode == 0, done.stdout
        assert outcomes(suite) == {"passed": tests}

    return call


@pytest.mark.parametrize(
    ("jobs", "server"),
    [
        weekly("1", "local"),
        ("1", "sqlite"),
        ("2", "local"),
        weekly("2", "sqlite"),
        ("3", "local"),
        weekly("3", "sqlite"),
    ],
)
def test_it_holds_whatever_the_number_of_workers(
    run: Callable[..., None], server: str, jobs: str
) -> None:
    run("--database", server, "--jobs", jobs)


@SOME
def test_it_holds_in_each_round(
    run: Callable[..., None], server: str, jobs: str
) -> None:
    run("--database", server, "--jobs", jobs, "--repeat", "2", tests=2 * TESTS)


@pytest.mark.parametrize(
    ("jobs", "seed"), [("1", "1"), weekly("1", "2"), weekly("2", "1"), ("2", "2")]
)
def test_it_holds_in_any_order(run: Callable[..., None], jobs: str, seed: str) -> None:
    run("--database", "sqlite", "--jobs", jobs, "--seed", seed)


@SOME
def test_it_holds_when_tests_are_run_again(
    harness: Harness, suite: Path, tmp_path: Path, server: str, jobs: str
) -> None:
    again = """\
        import os
        from .common import *


        class FirstTestCase(unittest.TestCase):
            def setUp(self):
                activate_module('alpha')

            def test_1(self):
                self.assertEqual(names(), ['First'])
                write('test')

            def test_2(self):
                self.assertEqual(names(), ['First', 'test'])
                write('more')
                if not os.path.exists('PLACE'):
                    os.mkdir('PLACE')
                    self.fail('only now')


        class SecondTestCase(unittest.TestCase):
            test_1 = FirstTestCase.test_1
            setUp = FirstTestCase.setUp
        """
    text = dedent(again).replace("PLACE", str(tmp_path / "once"))
    (suite / "src/beta/beta/tests/test_again.py").write_text(text)
    words = ("-k", "test_again", "--database", server, "--jobs", jobs, "--reruns", "1")
    done = harness("test", "tryton", "beta", *words)
    assert done.returncode == 0, done.stdout
    assert "1 flaky" in done.stdout
    assert outcomes(suite)["passed"] == 2
