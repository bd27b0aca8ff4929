# SPDX-License-Identifier: GPL-3.0-or-later
from trytond.model import (
    DeactivableMixin,
    ModelSQL,
    ModelView,
    Unique,
    fields,
    tree,
)


class Genre(DeactivableMixin, tree(separator=' / '), ModelSQL, ModelView):
    "Genre"
    __name__ = 'collecting_society.genre'

    name = fields.Char("Name", required=True, translate=True)
    parent = fields.Many2One(
        'collecting_society.genre', "Parent", ondelete='RESTRICT')
    childs = fields.One2Many(
        'collecting_society.genre', 'parent', "Children")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order.insert(0, ('name', 'ASC'))


class Label(DeactivableMixin, ModelSQL, ModelView):
    "Label"
    __name__ = 'collecting_society.label'

    name = fields.Char("Name", required=True)
    label_code = fields.Char(
        "Label Code", help="The number after LC on sound carriers.")
    party = fields.Many2One('party.party', "Party", ondelete='RESTRICT')
    releases = fields.One2Many(
        'collecting_society.release', 'label', "Releases", readonly=True)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        table = cls.__table__()
        cls._sql_constraints += [
            ('label_code_unique', Unique(table, table.label_code),
                'collecting_society.msg_label_code_unique'),
            ]
        cls._order.insert(0, ('name', 'ASC'))

    def get_rec_name(self, name):
        if self.label_code:
            return f'{self.name} (LC {self.label_code})'
        return self.name


class Publisher(DeactivableMixin, ModelSQL, ModelView):
    "Publisher"
    __name__ = 'collecting_society.publisher'

    name = fields.Char("Name", required=True)
    party = fields.Many2One('party.party', "Party", ondelete='RESTRICT')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order.insert(0, ('name', 'ASC'))


class Role(ModelSQL, ModelView):
    "Contribution Role"
    __name__ = 'collecting_society.contribution.role'

    name = fields.Char("Name", required=True, translate=True)
    code = fields.Char("Code", required=True)
    kind = fields.Selection([
            ('authorship', "Authorship"),
            ('performance', "Performance"),
            ('production', "Production"),
            ], "Kind", required=True, sort=False,
        help="Only authorship carries rights of a creation.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        table = cls.__table__()
        cls._sql_constraints += [
            ('code_unique', Unique(table, table.code),
                'collecting_society.msg_code_unique'),
            ]
        cls._order.insert(0, ('name', 'ASC'))
