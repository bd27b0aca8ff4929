# SPDX-License-Identifier: GPL-3.0-or-later
import unittest

from trytond.modules.collecting_society import identifier


class IdentifierTestCase(unittest.TestCase):
    "Check digits need neither a database nor a pool"

    def check(self, kind, valid, invalid):
        for code in valid:
            with self.subTest(kind=kind, valid=code):
                self.assertTrue(identifier.CHECKS[kind](code))
        for code in invalid:
            with self.subTest(kind=kind, invalid=code):
                self.assertFalse(identifier.CHECKS[kind](code))

    def test_isrc(self):
        "Test ISRC"
        self.check(
            'isrc',
            ['USRC17607839', 'US-RC1-76-07839', 'de-x9z-26-00001'],
            ['USRC1760783', 'U1RC17607839', 'USRC1760783X', '', None])

    def test_iswc(self):
        "Test ISWC"
        self.check(
            'iswc',
            ['T-034.524.680-1', 'T0345246801', 't 034 524 680 1'],
            ['T-034.524.680-2', '0345246801', 'T-034.524.68-1', ''])

    def test_gtin(self):
        "Test GTIN"
        self.check(
            'gtin',
            ['96385074', '036000291452', '4006381333931', '14006381333938'],
            ['4006381333932', '400638133393', '40063813339311', 'ABC', ''])

    def test_isni(self):
        "Test ISNI"
        self.check(
            'isni',
            ['0000 0001 2103 2683', '000000012146438X'],
            ['0000 0001 2103 2684', '0000000121464380', '00000001210326', ''])

    def test_ipi(self):
        "Test IPI name number"
        self.check(
            'ipi',
            ['00000000199', '00000000000'],
            ['00000000198', '0000000019', 'A0000000199', ''])

    def test_format(self):
        "Test formats"
        self.assertEqual(
            identifier.format_isrc('usrc17607839'), 'US-RC1-76-07839')
        self.assertEqual(
            identifier.format_iswc('t0345246801'), 'T-034.524.680-1')
