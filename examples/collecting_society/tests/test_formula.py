# SPDX-License-Identifier: GPL-3.0-or-later
import unittest
from decimal import Decimal

from trytond.modules.collecting_society import formula


class FormulaTestCase(unittest.TestCase):
    "Formulas need neither a database nor a pool"

    def test_arithmetic(self):
        "Test arithmetic"
        values = {
            'turnover': Decimal('1000.00'),
            'attendance': 120,
            'area': Decimal('80.5'),
            'share': Decimal('0.25'),
            'rate': Decimal('0.1'),
            }
        for text, result in [
                ('turnover * rate', Decimal('100')),
                ('turnover * rate * share', Decimal('25')),
                ('max(attendance, 150) * 2', Decimal('300')),
                ('min(attendance, 150) / 4', Decimal('30')),
                ('ceil(area / 50) * 10', Decimal('20')),
                ('12 if attendance > 100 else 8', Decimal('12')),
                ('12 if attendance <= 100 else 8', Decimal('8')),
                ('-area + 100.5', Decimal('20')),
                ('copies * 3', Decimal('0')),
                ]:
            with self.subTest(formula=text):
                self.assertEqual(formula.evaluate(text, values), result)

    def test_unknown_name(self):
        "Test unknown name"
        with self.assertRaises(ValueError) as cm:
            formula.evaluate('turnover * profit', {})
        self.assertEqual(str(cm.exception), 'profit')

    def test_nothing_is_executed(self):
        "Test what is no arithmetic"
        for text in [
                '__import__("os")', 'turnover.real', 'turnover ** 99',
                '[turnover]', '"a" * area', 'max(*area)', 'lambda: 1',
                'turnover if', '', None, 'True']:
            with self.subTest(formula=text):
                with self.assertRaises(ValueError):
                    formula.evaluate(text, {})
