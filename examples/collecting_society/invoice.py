# SPDX-License-Identifier: GPL-3.0-or-later
from trytond.model import fields
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Eval


class Company(metaclass=PoolMeta):
    __name__ = 'company.company'

    society = fields.Many2One(
        'collecting_society.society', "Society", ondelete='RESTRICT',
        help="The society that the company runs.")


class ProductTemplate(metaclass=PoolMeta):
    __name__ = 'product.template'

    tariff_service = fields.Boolean(
        "Tariff Service",
        states={
            'invisible': Eval('type') != 'service',
            },
        help="Check to invoice utilisations with the product.")

    @classmethod
    def default_tariff_service(cls):
        return False


class Invoice(metaclass=PoolMeta):
    __name__ = 'account.invoice'

    declarations = fields.One2Many(
        'collecting_society.declaration', 'invoice', "Declarations",
        readonly=True)

    @classmethod
    def copy(cls, invoices, default=None):
        default = dict(default or {})
        default.setdefault('declarations', None)
        return super().copy(invoices, default=default)


class InvoiceLine(metaclass=PoolMeta):
    __name__ = 'account.invoice.line'

    @classmethod
    def _get_origin(cls):
        return super()._get_origin() + ['collecting_society.utilisation']

    @property
    def origin_name(self):
        Utilisation = Pool().get('collecting_society.utilisation')
        name = super().origin_name
        if isinstance(self.origin, Utilisation) and self.origin.id >= 0:
            name = self.origin.declaration.rec_name
        return name
