# SPDX-License-Identifier: GPL-3.0-or-later
from trytond.i18n import gettext
from trytond.model import DeactivableMixin, ModelSQL, ModelView, Unique, fields
from trytond.modules.currency.fields import Monetary
from trytond.pyson import Eval

from . import formula
from .exceptions import FormulaError, TariffError
from .mixin import PeriodMixin


class System(PeriodMixin, ModelSQL, ModelView):
    "Tariff System"
    __name__ = 'collecting_society.tariff.system'
    _rec_name = 'version'

    version = fields.Char("Version", required=True)
    currency = fields.Many2One(
        'currency.currency', "Currency", required=True,
        ondelete='RESTRICT')
    tariffs = fields.One2Many(
        'collecting_society.tariff', 'system', "Tariffs")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        table = cls.__table__()
        cls._sql_constraints += [
            ('version_unique', Unique(table, table.version),
                'collecting_society.msg_version_unique'),
            ]
        cls._order.insert(0, ('valid_from', 'DESC'))

    @classmethod
    def find(cls, date):
        "The system in force at a date"
        for system in cls.search([]):
            if system.is_valid(date):
                return system
        raise TariffError(gettext(
                'collecting_society.msg_tariff_system_missing', date=date))


class Category(DeactivableMixin, ModelSQL, ModelView):
    "Tariff Category"
    __name__ = 'collecting_society.tariff.category'

    name = fields.Char("Name", required=True, translate=True)
    code = fields.Char("Code", required=True)
    description = fields.Text("Description", translate=True)
    subject = fields.Selection([
            ('event', "Event"),
            ('location', "Location"),
            ('release', "Release"),
            ('website', "Website"),
            ], "Subject", required=True, sort=False,
        help="What a utilisation of the category takes place at.")
    product = fields.Many2One(
        'product.product', "Product", ondelete='RESTRICT',
        domain=[
            ('template.tariff_service', '=', True),
            ],
        help="The product that utilisations are invoiced with.")
    tariffs = fields.One2Many(
        'collecting_society.tariff', 'category', "Tariffs")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        table = cls.__table__()
        cls._sql_constraints += [
            ('code_unique', Unique(table, table.code),
                'collecting_society.msg_code_unique'),
            ]
        cls._order.insert(0, ('code', 'ASC'))

    def get_rec_name(self, name):
        return f'{self.code} {self.name}'


class Tariff(ModelSQL, ModelView):
    "Tariff"
    __name__ = 'collecting_society.tariff'

    system = fields.Many2One(
        'collecting_society.tariff.system', "System", required=True,
        ondelete='CASCADE')
    category = fields.Many2One(
        'collecting_society.tariff.category', "Category", required=True,
        ondelete='RESTRICT')
    formula = fields.Char(
        "Formula", required=True,
        help="An expression of: turnover, attendance, area, hours, copies,\n"
        "share (of the repertoire, 0 to 1), rate (of the bracket);\n"
        "for example: max(attendance, 50) * rate * share")
    measure = fields.Selection([
            ('turnover', "Turnover"),
            ('attendance', "Attendance"),
            ('area', "Area"),
            ('copies', "Copies"),
            ], "Measure", required=True, sort=False,
        help="The value that selects the bracket.")
    currency = fields.Function(
        fields.Many2One('currency.currency', "Currency"),
        'on_change_with_currency')
    minimum = Monetary(
        "Minimum", currency='currency', digits='currency', required=True)
    brackets = fields.One2Many(
        'collecting_society.tariff.bracket', 'tariff', "Brackets")
    adjustments = fields.Many2Many(
        'collecting_society.tariff-collecting_society.adjustment',
        'tariff', 'adjustment', "Adjustments",
        help="The adjustments that may be granted.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        table = cls.__table__()
        cls._sql_constraints += [
            ('category_unique', Unique(table, table.system, table.category),
                'collecting_society.msg_tariff_unique'),
            ]
        cls.__access__.add('system')

    @classmethod
    def default_measure(cls):
        return 'attendance'

    @classmethod
    def default_minimum(cls):
        return 0

    @fields.depends('system', '_parent_system.currency')
    def on_change_with_currency(self, name=None):
        if self.system and self.system.currency:
            return self.system.currency.id

    def get_rec_name(self, name):
        return f'{self.category.rec_name} ({self.system.rec_name})'

    @classmethod
    def validate(cls, tariffs):
        super().validate(tariffs)
        for tariff in tariffs:
            try:
                formula.evaluate(
                    tariff.formula, dict.fromkeys(formula.NAMES, 1))
            except (ValueError, ArithmeticError) as e:
                raise FormulaError(gettext(
                        'collecting_society.msg_formula_invalid',
                        formula=tariff.formula, error=str(e))) from e

    @classmethod
    def find(cls, category, date):
        System = cls.system.get_target()
        system = System.find(date)
        for tariff in system.tariffs:
            if tariff.category == category:
                return tariff
        raise TariffError(gettext(
                'collecting_society.msg_tariff_missing',
                category=category.rec_name, system=system.rec_name))

    def rate(self, value):
        "The rate of the highest bracket that the value reaches"
        reached = [b for b in self.brackets if b.from_value <= (value or 0)]
        return max(reached, key=lambda b: b.from_value).rate if reached else 0

    def compute(self, values):
        "The amount for the measured values, before adjustments"
        rate = self.rate(values.get(self.measure))
        amount = formula.evaluate(self.formula, {**values, 'rate': rate})
        return self.currency.round(max(amount, self.minimum))


class Bracket(ModelSQL, ModelView):
    "Tariff Bracket"
    __name__ = 'collecting_society.tariff.bracket'

    tariff = fields.Many2One(
        'collecting_society.tariff', "Tariff", required=True,
        ondelete='CASCADE')
    from_value = fields.Numeric(
        "From", digits=(16, 2), required=True,
        domain=[('from_value', '>=', 0)])
    rate = fields.Numeric(
        "Rate", digits=(16, 6), required=True, domain=[('rate', '>=', 0)])

    @classmethod
    def __setup__(cls):
        super().__setup__()
        table = cls.__table__()
        cls._sql_constraints += [
            ('from_value_unique',
                Unique(table, table.tariff, table.from_value),
                'collecting_society.msg_bracket_unique'),
            ]
        cls._order.insert(0, ('from_value', 'ASC'))
        cls.__access__.add('tariff')

    def get_rec_name(self, name):
        return f'{self.from_value}: {self.rate}'


class Adjustment(DeactivableMixin, ModelSQL, ModelView):
    "Adjustment"
    __name__ = 'collecting_society.adjustment'

    name = fields.Char("Name", required=True, translate=True)
    code = fields.Char("Code", required=True)
    operation = fields.Selection([
            ('percentage', "Percentage"),
            ('amount', "Amount"),
            ], "Operation", required=True, sort=False)
    minimum = fields.Numeric("Minimum", digits=(16, 2), required=True)
    maximum = fields.Numeric(
        "Maximum", digits=(16, 2), required=True,
        domain=[
            ('maximum', '>=', Eval('minimum', 0)),
            ])

    @classmethod
    def __setup__(cls):
        super().__setup__()
        table = cls.__table__()
        cls._sql_constraints += [
            ('code_unique', Unique(table, table.code),
                'collecting_society.msg_code_unique'),
            ]
        cls._order.insert(0, ('code', 'ASC'))

    @classmethod
    def default_operation(cls):
        return 'percentage'

    def apply(self, amount, value):
        if self.operation == 'percentage':
            return amount * value / 100
        return value


class TariffAdjustment(ModelSQL):
    "Tariff - Adjustment"
    __name__ = 'collecting_society.tariff-collecting_society.adjustment'

    tariff = fields.Many2One(
        'collecting_society.tariff', "Tariff", required=True,
        ondelete='CASCADE')
    adjustment = fields.Many2One(
        'collecting_society.adjustment', "Adjustment", required=True,
        ondelete='RESTRICT')
