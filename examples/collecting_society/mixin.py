# SPDX-License-Identifier: GPL-3.0-or-later
from trytond.model import Unique, fields
from trytond.pool import Pool
from trytond.pyson import Bool, Eval, If


class NumberedMixin:
    "A record whose code comes from a sequence of the configuration"
    __slots__ = ()
    _code_sequence = None

    code = fields.Char(
        "Code", readonly=True,
        help="The unique code, taken from a sequence when left empty.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        table = cls.__table__()
        cls._sql_constraints += [
            ('code_unique', Unique(table, table.code),
                'collecting_society.msg_code_unique'),
            ]

    @classmethod
    def create(cls, vlist):
        pool = Pool()
        Configuration = pool.get('collecting_society.configuration')
        configuration = Configuration(1)
        vlist = [v.copy() for v in vlist]
        for values in vlist:
            if not values.get('code'):
                values['code'] = configuration.next_code(cls._code_sequence)
        return super().create(vlist)

    @classmethod
    def copy(cls, records, default=None):
        default = dict(default or {})
        default.setdefault('code', None)
        return super().copy(records, default=default)


class PeriodMixin:
    "A record that is valid from one date to another, both open and inclusive"
    __slots__ = ()

    valid_from = fields.Date(
        "Valid from",
        domain=[
            If(Bool(Eval('valid_from')) & Bool(Eval('valid_to')),
                ('valid_from', '<=', Eval('valid_to')),
                ()),
            ])
    valid_to = fields.Date(
        "Valid to",
        domain=[
            If(Bool(Eval('valid_from')) & Bool(Eval('valid_to')),
                ('valid_to', '>=', Eval('valid_from')),
                ()),
            ])

    def is_valid(self, date):
        return ((not self.valid_from or self.valid_from <= date)
            and (not self.valid_to or date <= self.valid_to))
