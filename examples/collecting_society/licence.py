# SPDX-License-Identifier: GPL-3.0-or-later
from trytond.model import DeactivableMixin, ModelSQL, ModelView, Unique, fields
from trytond.pyson import Eval


class Licence(DeactivableMixin, ModelSQL, ModelView):
    "Licence"
    __name__ = 'collecting_society.licence'

    name = fields.Char("Name", required=True)
    code = fields.Char("Code", required=True)
    version = fields.Char("Version")
    link = fields.Char("Link")
    freedom_rank = fields.Integer(
        "Freedom Rank", required=True,
        domain=[
            ('freedom_rank', '>=', 0),
            ('freedom_rank', '<=', 100),
            ],
        help="0 reserves all rights, 100 reserves none.")
    commercial = fields.Boolean("Commercial Use")
    derivatives = fields.Boolean("Derivatives")
    share_alike = fields.Boolean(
        "Share Alike",
        states={
            'invisible': ~Eval('derivatives', False),
            },
        help="Derivatives must stand under the very same licence.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        table = cls.__table__()
        cls._sql_constraints += [
            ('code_unique', Unique(table, table.code),
                'collecting_society.msg_code_unique'),
            ]
        cls._order.insert(0, ('freedom_rank', 'DESC'))

    @classmethod
    def default_freedom_rank(cls):
        return 0

    def get_rec_name(self, name):
        return ' '.join(filter(None, [self.name, self.version]))

    def permits(self, derived):
        "Whether work under this licence may be reused under the derived one"
        if not self.derivatives:
            return False
        if self.share_alike:
            return self == derived
        return self.commercial or not derived.commercial
