# SPDX-License-Identifier: GPL-3.0-or-later
from trytond.i18n import gettext
from trytond.model import ModelSQL, ModelView, Unique, fields
from trytond.pool import PoolMeta
from trytond.pyson import Eval

from .exceptions import MembershipError


class Role(ModelSQL, ModelView):
    "Web User Role"
    __name__ = 'collecting_society.web_user.role'

    name = fields.Char("Name", required=True, translate=True)
    code = fields.Char("Code", required=True)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        table = cls.__table__()
        cls._sql_constraints += [
            ('code_unique', Unique(table, table.code),
                'collecting_society.msg_code_unique'),
            ]


class UserRole(ModelSQL):
    "Web User - Role"
    __name__ = 'web.user-collecting_society.web_user.role'

    user = fields.Many2One(
        'web.user', "User", required=True, ondelete='CASCADE')
    role = fields.Many2One(
        'collecting_society.web_user.role', "Role", required=True,
        ondelete='RESTRICT')


class User(metaclass=PoolMeta):
    __name__ = 'web.user'

    roles = fields.Many2Many(
        'web.user-collecting_society.web_user.role', 'user', 'role', "Roles")
    default_artist = fields.Many2One(
        'collecting_society.artist', "Default Artist", ondelete='SET NULL',
        domain=[
            ('party', '=', Eval('party', -1)),
            ],
        help="The artist that is proposed for new creations.")
    contents = fields.One2Many(
        'collecting_society.content', 'web_user', "Contents", readonly=True)

    @classmethod
    def validate(cls, users):
        super().validate(users)
        for user in users:
            if not user.party and user.has_role('licensor', 'licensee'):
                raise MembershipError(gettext(
                        'collecting_society.msg_web_user_party',
                        user=user.rec_name))

    def has_role(self, *codes):
        return any(role.code in codes for role in self.roles)
