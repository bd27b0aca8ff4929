# SPDX-License-Identifier: GPL-3.0-or-later
from trytond.i18n import gettext
from trytond.model import ModelSQL, ModelView, Unique, Workflow, fields
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Eval, If

from .exceptions import MembershipError
from .mixin import NumberedMixin


class Party(metaclass=PoolMeta):
    __name__ = 'party.party'

    legal_person = fields.Boolean("Legal Person")
    birthdate = fields.Date(
        "Birthdate",
        states={
            'invisible': Eval('legal_person', False),
            })
    memberships = fields.One2Many(
        'collecting_society.membership', 'party', "Memberships")
    member = fields.Function(
        fields.Boolean("Member"), 'get_member', searcher='search_member')
    artists = fields.One2Many(
        'collecting_society.artist', 'party', "Artists")
    web_users = fields.Function(
        fields.Many2Many('web.user', None, None, "Web Users"),
        'get_web_users')
    payout_account = fields.Many2One(
        'bank.account', "Payout Account", ondelete='SET NULL',
        domain=[
            ('owners', '=', Eval('id', -1)),
            ],
        help="The bank account that royalties are paid to.")

    @classmethod
    def default_legal_person(cls):
        return False

    def get_web_users(self, name):
        User = Pool().get('web.user')
        return [u.id for u in User.search([('party', '=', self.id)])]

    @classmethod
    def get_member(cls, parties, name):
        Membership = Pool().get('collecting_society.membership')
        members = {
            m.party.id for m in Membership.search([
                    ('party', 'in', [p.id for p in parties]),
                    ('state', '=', 'accepted'),
                    ])}
        return {p.id: p.id in members for p in parties}

    @classmethod
    def search_member(cls, name, clause):
        _, operator, value = clause
        where = [('state', '=', 'accepted')]
        if (operator == '=') == bool(value):
            return [('memberships', 'where', where)]
        Membership = Pool().get('collecting_society.membership')
        return [
            ('id', 'not in', [
                    m.party.id for m in Membership.search(where)]),
            ]

    @classmethod
    def validate(cls, parties):
        super().validate(parties)
        today = Pool().get('ir.date').today()
        for party in parties:
            if not party.birthdate:
                continue
            if party.legal_person:
                raise MembershipError(gettext(
                        'collecting_society.msg_legal_person_birthdate',
                        party=party.rec_name))
            if party.birthdate > today:
                raise MembershipError(gettext(
                        'collecting_society.msg_birthdate_future',
                        party=party.rec_name))


class Replace(metaclass=PoolMeta):
    __name__ = 'party.replace'

    @classmethod
    def fields_to_replace(cls):
        return super().fields_to_replace() + [
            ('collecting_society.membership', 'party'),
            ('collecting_society.artist', 'party'),
            ('collecting_society.label', 'party'),
            ('collecting_society.publisher', 'party'),
            ('collecting_society.society', 'party'),
            ('collecting_society.location', 'party'),
            ('collecting_society.website', 'party'),
            ('collecting_society.declaration', 'party'),
            ('collecting_society.content', 'party'),
            ]


class Membership(NumberedMixin, Workflow, ModelSQL, ModelView):
    "Membership"
    __name__ = 'collecting_society.membership'
    _rec_name = 'code'
    _code_sequence = 'membership_sequence'

    party = fields.Many2One(
        'party.party', "Party", required=True, ondelete='CASCADE',
        states={
            'readonly': Eval('state') != 'applied',
            })
    kind = fields.Selection([
            ('ordinary', "Ordinary"),
            ('supporting', "Supporting"),
            ], "Kind", required=True, sort=False,
        states={
            'readonly': Eval('state') != 'applied',
            })
    shares = fields.Integer(
        "Shares", required=True,
        domain=[
            ('shares', '>=', 1),
            If(Eval('kind') == 'ordinary', ('shares', '<=', 60), ()),
            ],
        help="The number of cooperative shares subscribed to.")
    start_date = fields.Date(
        "Start Date", readonly=True,
        states={
            'required': Eval('state').in_(['accepted', 'ended']),
            })
    end_date = fields.Date(
        "End Date", readonly=True,
        states={
            'required': Eval('state') == 'ended',
            })
    state = fields.Selection([
            ('applied', "Applied"),
            ('accepted', "Accepted"),
            ('refused', "Refused"),
            ('ended', "Ended"),
            ], "State", required=True, readonly=True, sort=False)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order.insert(0, ('code', 'ASC'))
        cls._transitions |= {
            ('applied', 'accepted'),
            ('applied', 'refused'),
            ('refused', 'applied'),
            ('accepted', 'ended'),
            }
        cls._buttons.update({
                'accept': {
                    'invisible': Eval('state') != 'applied',
                    'depends': ['state'],
                    },
                'refuse': {
                    'invisible': Eval('state') != 'applied',
                    'depends': ['state'],
                    },
                'apply': {
                    'invisible': Eval('state') != 'refused',
                    'depends': ['state'],
                    },
                'end': {
                    'invisible': Eval('state') != 'accepted',
                    'depends': ['state'],
                    },
                })

    @classmethod
    def default_kind(cls):
        return 'ordinary'

    @classmethod
    def default_shares(cls):
        return 1

    @classmethod
    def default_state(cls):
        return 'applied'

    @classmethod
    def copy(cls, memberships, default=None):
        default = dict(default or {})
        for name, value in [
                ('state', 'applied'), ('start_date', None),
                ('end_date', None)]:
            default.setdefault(name, value)
        return super().copy(memberships, default=default)

    @classmethod
    def validate(cls, memberships):
        super().validate(memberships)
        for membership in memberships:
            if membership.state != 'accepted':
                continue
            if cls.search([
                        ('party', '=', membership.party.id),
                        ('state', '=', 'accepted'),
                        ('id', '!=', membership.id),
                        ], limit=1):
                raise MembershipError(gettext(
                        'collecting_society.msg_membership_twice',
                        party=membership.party.rec_name))

    @classmethod
    @ModelView.button
    @Workflow.transition('applied')
    def apply(cls, memberships):
        pass

    @classmethod
    @ModelView.button
    @Workflow.transition('accepted')
    def accept(cls, memberships):
        today = Pool().get('ir.date').today()
        for membership in memberships:
            if (membership.kind == 'ordinary'
                    and not membership.party.legal_person
                    and not membership.party.birthdate):
                raise MembershipError(gettext(
                        'collecting_society.msg_membership_birthdate',
                        party=membership.party.rec_name))
        cls.write(memberships, {'start_date': today})

    @classmethod
    @ModelView.button
    @Workflow.transition('refused')
    def refuse(cls, memberships):
        pass

    @classmethod
    @ModelView.button
    @Workflow.transition('ended')
    def end(cls, memberships):
        today = Pool().get('ir.date').today()
        cls.write(memberships, {'end_date': today})


class Society(ModelSQL, ModelView):
    "Society"
    __name__ = 'collecting_society.society'

    name = fields.Char("Name", required=True)
    short_name = fields.Char("Short Name")
    party = fields.Many2One('party.party', "Party", ondelete='RESTRICT')
    country = fields.Many2One('country.country', "Country")
    performing = fields.Boolean("Performing Rights")
    mechanical = fields.Boolean("Mechanical Rights")
    synchronisation = fields.Boolean("Synchronisation Rights")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        table = cls.__table__()
        cls._sql_constraints += [
            ('name_unique', Unique(table, table.name),
                'collecting_society.msg_name_unique'),
            ]
        cls._order.insert(0, ('name', 'ASC'))

    def represents(self, kind):
        return bool(getattr(self, kind))
