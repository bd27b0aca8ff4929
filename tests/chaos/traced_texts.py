# SPDX-License-Identifier: GPL-3.0-or-later
"""The texts of the sources that the campaign of traces edits."""

ALPHA = """\
import os
from functools import wraps
from trytond.model import ModelSQL, ModelView, fields
from harness_chaos_rates import RATE
from . import helpers
from .helpers import FACTOR as SCALE, LABEL, name_of
from .part_{renamed} import PART
try:
    from .more import MORE
except ImportError:
    MORE = None

SIZE = {constant}

def shout(function):
    @wraps(function)
    def inner(*args):
        return function(*args) + {decorated!r}
    return inner

def plain(function):
    return function

class Thing(ModelSQL, ModelView):
    "Thing"
    __name__ = 'alpha.thing'
    _order_name = {attribute!r}
    name = fields.Char(LABEL, required=True)
    size = fields.Integer("Size")
    mode = fields.Char("Mode")
{field}
    @classmethod
    def default_name(cls, end={signature!r}):
        return name_of(cls) + end + {entered!r}

    @classmethod
    def default_mode(cls):
        return os.environ.get('ALPHA_MODE', '') + PART

    @classmethod
    def default_size(cls):
        return SIZE + RATE

    @classmethod
    @{decorator}
    def loud(cls):
        return {script!r}

    @classmethod
    def never(cls):
        {comment}
        return {never!r}
"""
HELPERS = """\
import csv
import os
from functools import lru_cache
from .shares import SHARED

LABEL = {label!r}
FACTOR = {factor!r}
WORD = None
{shadow}

def name_of(cls):
    with open(os.path.join(os.path.dirname(__file__), 'names.csv')) as file:
        return next(csv.reader(file))[0]

def idle():
    return {idle!r}

class Rates:
    known = None

    def get(self):
        if self.known is None:
            self.known = {cached!r}
        return self.known

RATES = Rates()

@lru_cache(maxsize=None)
def table():
    return entry()

def entry():
    return {remembered!r}

def word():
    global WORD
    if WORD is None:
        WORD = said()
    return WORD

def said():
    return {said!r}

def lend():
    if 'word' not in SHARED:
        SHARED['word'] = lent()
    return SHARED['word']

def lent():
    return {lent!r}

def shown(end={default!r}):
    return repr(end)

def fill(box):
    box['word'] = given()

def given():
    return {given!r}

@lru_cache(maxsize=None)
def box():
    made = {{}}
    fill(made)
    return made

class Turn:
    word = None

    def set(self):
        if Turn.word is None:
            type(self).word = turned()
        return self.word

def turned():
    return {turned!r}
"""
LOOKUP = """\
from .helpers import box as filled, table
BY_NAME = {'table': table}
def box():
    return filled()
"""
SHARES = """\
SHARED = {}
"""
TOOLS = """\
def price(text):
    return text + {tool!r}

def unused():
    return {unused!r}
"""
SCRIPT = """\
    >>> import csv, json, os
    >>> from proteus import Model
    >>> from alpha.alpha import Thing as Code
    >>> from tools import price
    >>> Thing = Model.get('alpha.thing')
    >>> Thing(name=price(json.load(open('prices.json'))[0])).save()
    >>> Thing(name=next(csv.reader(open('rates.csv')))[1]).save()
    >>> Thing(name=Code.loud() + os.environ.get('ALPHA_MODE', '')).save()
    >>> for name in sorted(os.listdir('extras')):
    ...     Thing(name=name).save()
"""
HELPING = """\
PREFIX = {tests_constant!r}

def words():
    return PREFIX + {tests_helper!r}
"""
TESTS = """\
import importlib, json, operator, os, unittest, zlib
from pathlib import Path
from trytond.pool import Pool
from trytond.tests.test_tryton import DB_NAME, activate_module, drop_db
from trytond.transaction import Transaction
from alpha import alpha, helpers, lookup
from alpha.tests.helping import words

PROJECT = Path(__file__).parents[4]

class Common:
    language = 'en'

    @classmethod
    def setUpClass(cls):
        drop_db()
        activate_module('alpha', cls.language)

    @classmethod
    def tearDownClass(cls):
        drop_db()

    def test(self):
        with Transaction().start(DB_NAME, 1):
            found = repr(self.value(Pool().get('alpha.thing')))
        if zlib.crc32(found.encode()) % 2:
            self.skipTest('odd')

def plain_{added}():
    pass

def records(*path):
    return sorted(one.fs_id for one in Pool().get('ir.model.data').search(
        [('module', '=', 'alpha')]))

def translations():
    return sorted((one.name, one.value or '') for one in Pool().get('ir.translation')
        .search([('module', '=', 'alpha')]))
"""
CASE = """
class {title}TestCase(Common, unittest.TestCase):
    language = {language!r}
    def value(self, thing):
        return {value}
"""
VALUES = {
    "Name": "thing.default_name()",
    "Mode": "thing.default_mode()",
    "Size": "thing.default_size()",
    "Loud": "thing.loud()",
    "Never": "thing.never()",
    "Label": "thing.name.string",
    "Fields": "sorted(thing._fields)",
    "Order": "thing._order_name",
    "Idle": "helpers.idle()",
    "Cached": "helpers.RATES.get()",
    "CachedAgain": "helpers.RATES.get() + ' again'",
    "Table": "helpers.table()",
    "TableAgain": "helpers.table() + ' again'",
    "Word": "helpers.word()",
    "WordAgain": "helpers.word() + ' again'",
    "Lent": "helpers.lend()",
    "LentAgain": "helpers.lend() + ' again'",
    "Factor": "helpers.FACTOR",
    "Scale": "alpha.SCALE",
    "Named": "getattr(helpers, 'FAC' + 'TOR')",
    "Handed": "operator.attrgetter('FAC' + 'TOR')(helpers)",
    "Asked": "vars(importlib.import_module('alpha.' + 'helpers'))['FAC' + 'TOR']",
    "Default": "helpers.shown()",
    "Box": "helpers.box()",
    "BoxAgain": "[helpers.box(), 'again']",
    "BoxElsewhere": "lookup.box()",
    "TableElsewhere": "lookup.BY_NAME['table']()",
    "Turned": "helpers.Turn().set()",
    "TurnedAgain": "[helpers.Turn().set(), 'again']",
    "More": "alpha.MORE",
    "Helper": "words()",
    "Records": "records()",
    "Translations": "translations()",
    "Json": "json.loads((PROJECT / 'prices.json').read_text())",
    "Listed": "sorted(os.listdir(PROJECT / 'extras'))",
    "Variable": "os.environ.get('ALPHA_MODE')",
    "There": "(PROJECT / 'optional.txt').exists()",
    "Sum": "1 + 1",
}
"""What tests look at, one each: passed or skipped, by what it is."""
CONFIGURATION = """\
[tool.harness]
[tool.harness.source.alpha]
[tool.harness.suite.tryton]
[tool.harness.template.demo]
modules = ["alpha"]
language = "de"
data = ["fill.txt"]
reads = ["extras"]
"""
PO = """\
msgid ""
msgstr "Content-Type: text/plain; charset=utf-8\\n"

msgctxt "field:alpha.thing,size:"
msgid "Size"
msgstr "{translation}"
"""
VIEW = '<form><label name="size" string="{view}"/><field name="size"/></form>\n'
RECORDS = """\
<tryton><data>
<record model="alpha.thing" id="{record}"><field name="size">{value}</field></record>
<record model="ir.ui.view" id="view"><field name="model">alpha.thing</field>
<field name="type">form</field><field name="name">thing</field></record>
</data></tryton>
"""
