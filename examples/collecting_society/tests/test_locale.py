# SPDX-License-Identifier: GPL-3.0-or-later
import pathlib
import re
import unittest

import polib
from trytond.modules import collecting_society

LOCALE = pathlib.Path(collecting_society.__file__).parent / 'locale'


class LocaleTestCase(unittest.TestCase):
    "The catalogues themselves, without a database"

    def test_complete(self):
        "Test that everything is translated"
        catalogue = polib.pofile(str(LOCALE / 'de.po'))
        self.assertGreater(len(catalogue), 400)
        missing = [e.msgctxt for e in catalogue if not e.translated()]
        self.assertEqual(missing, [])

    def test_placeholders(self):
        "Test that translations keep the placeholders"
        placeholder = re.compile(r'%\(\w+\)s|%%')
        for entry in polib.pofile(str(LOCALE / 'de.po')):
            with self.subTest(entry=entry.msgctxt):
                self.assertEqual(
                    sorted(placeholder.findall(entry.msgid)),
                    sorted(placeholder.findall(entry.msgstr)))
