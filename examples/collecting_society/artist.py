# SPDX-License-Identifier: GPL-3.0-or-later
from trytond.i18n import gettext
from trytond.model import (
    DeactivableMixin,
    ModelSQL,
    ModelView,
    Unique,
    Workflow,
    fields,
)
from trytond.pool import Pool
from trytond.pyson import Bool, Eval, If

from . import identifier
from .exceptions import IdentifierError, MembershipError
from .mixin import NumberedMixin


class Artist(
        NumberedMixin, DeactivableMixin, Workflow, ModelSQL, ModelView):
    "Artist"
    __name__ = 'collecting_society.artist'
    _code_sequence = 'artist_sequence'
    _transition_state = 'claim_state'

    name = fields.Char("Name", required=True)
    group = fields.Boolean(
        "Group",
        states={
            'readonly': Bool(Eval('members')) | Bool(Eval('groups')),
            })
    party = fields.Many2One(
        'party.party', "Party", ondelete='RESTRICT',
        help="The person or body that stands behind the artist.")
    description = fields.Text("Description")
    picture = fields.Binary("Picture", file_id='picture_id')
    picture_id = fields.Char("Picture ID", readonly=True)
    genres = fields.Many2Many(
        'collecting_society.artist-collecting_society.genre',
        'artist', 'genre', "Genres")
    members = fields.One2Many(
        'collecting_society.artist.membership', 'group', "Members",
        states={
            'invisible': ~Eval('group', False),
            })
    groups = fields.One2Many(
        'collecting_society.artist.membership', 'member', "Groups",
        states={
            'invisible': Eval('group', False),
            })
    solo_artists = fields.Function(
        fields.Many2Many(
            'collecting_society.artist', None, None, "Solo Artists",
            states={
                'invisible': ~Eval('group', False),
                }),
        'get_solo_artists')
    identifiers = fields.One2Many(
        'collecting_society.artist.identifier', 'artist', "Identifiers")
    creations = fields.One2Many(
        'collecting_society.creation', 'artist', "Creations", readonly=True)
    releases = fields.One2Many(
        'collecting_society.release', 'artist', "Releases", readonly=True)
    claim_state = fields.Selection([
            ('unclaimed', "Unclaimed"),
            ('claimed', "Claimed"),
            ('confirmed', "Confirmed"),
            ], "Claim State", required=True, readonly=True, sort=False)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order.insert(0, ('name', 'ASC'))
        cls._transitions |= {
            ('unclaimed', 'claimed'),
            ('claimed', 'confirmed'),
            ('claimed', 'unclaimed'),
            ('confirmed', 'unclaimed'),
            }
        cls._buttons.update({
                'claim': {
                    'invisible': Eval('claim_state') != 'unclaimed',
                    'readonly': ~Eval('party'),
                    'depends': ['claim_state', 'party'],
                    },
                'confirm_claim': {
                    'invisible': Eval('claim_state') != 'claimed',
                    'depends': ['claim_state'],
                    },
                'revoke_claim': {
                    'invisible': Eval('claim_state') == 'unclaimed',
                    'depends': ['claim_state'],
                    },
                })

    @classmethod
    def default_group(cls):
        return False

    @classmethod
    def default_claim_state(cls):
        return 'unclaimed'

    def get_rec_name(self, name):
        return f'[{self.code}] {self.name}' if self.code else self.name

    @classmethod
    def search_rec_name(cls, name, clause):
        operator = clause[1]
        bool_op = (
            'AND' if operator.startswith('!') or operator.startswith('not')
            else 'OR')
        return [bool_op,
            ('code',) + tuple(clause[1:]),
            ('name',) + tuple(clause[1:]),
            ]

    def get_solo_artists(self, name):
        return [
            m.member.id for m in self.members if m.state == 'approved']

    @classmethod
    def copy(cls, artists, default=None):
        default = dict(default or {})
        for name, value in [
                ('claim_state', 'unclaimed'), ('members', None),
                ('groups', None), ('identifiers', None),
                ('creations', None), ('releases', None)]:
            default.setdefault(name, value)
        return super().copy(artists, default=default)

    @classmethod
    @ModelView.button
    @Workflow.transition('claimed')
    def claim(cls, artists):
        for artist in artists:
            if not artist.party:
                raise MembershipError(gettext(
                        'collecting_society.msg_claim_party',
                        artist=artist.rec_name))

    @classmethod
    @ModelView.button
    @Workflow.transition('confirmed')
    def confirm_claim(cls, artists):
        pass

    @classmethod
    @ModelView.button
    @Workflow.transition('unclaimed')
    def revoke_claim(cls, artists):
        pass


class ArtistGenre(ModelSQL):
    "Artist - Genre"
    __name__ = 'collecting_society.artist-collecting_society.genre'

    artist = fields.Many2One(
        'collecting_society.artist', "Artist", required=True,
        ondelete='CASCADE')
    genre = fields.Many2One(
        'collecting_society.genre', "Genre", required=True,
        ondelete='RESTRICT')


class Membership(Workflow, ModelSQL, ModelView):
    "Artist Membership"
    __name__ = 'collecting_society.artist.membership'

    group = fields.Many2One(
        'collecting_society.artist', "Group", required=True,
        ondelete='CASCADE',
        domain=[
            ('group', '=', True),
            ],
        states={
            'readonly': Eval('state') != 'invited',
            })
    member = fields.Many2One(
        'collecting_society.artist', "Member", required=True,
        ondelete='CASCADE',
        domain=[
            ('group', '=', False),
            ],
        states={
            'readonly': Eval('state') != 'invited',
            })
    instrument = fields.Char("Instrument")
    start_date = fields.Date(
        "Start Date",
        domain=[
            If(Bool(Eval('start_date')) & Bool(Eval('end_date')),
                ('start_date', '<=', Eval('end_date')),
                ()),
            ])
    end_date = fields.Date(
        "End Date",
        domain=[
            If(Bool(Eval('start_date')) & Bool(Eval('end_date')),
                ('end_date', '>=', Eval('start_date')),
                ()),
            ])
    state = fields.Selection([
            ('invited', "Invited"),
            ('approved', "Approved"),
            ('declined', "Declined"),
            ('left', "Left"),
            ], "State", required=True, readonly=True, sort=False)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        table = cls.__table__()
        cls._sql_constraints += [
            ('group_member_unique',
                Unique(table, table.group, table.member),
                'collecting_society.msg_group_member_unique'),
            ]
        cls.__access__.add('group')
        cls._transitions |= {
            ('invited', 'approved'),
            ('invited', 'declined'),
            ('declined', 'invited'),
            ('approved', 'left'),
            ('left', 'invited'),
            }
        cls._buttons.update({
                'approve': {
                    'invisible': Eval('state') != 'invited',
                    'depends': ['state'],
                    },
                'decline': {
                    'invisible': Eval('state') != 'invited',
                    'depends': ['state'],
                    },
                'invite': {
                    'invisible': ~Eval('state').in_(['declined', 'left']),
                    'depends': ['state'],
                    },
                'leave': {
                    'invisible': Eval('state') != 'approved',
                    'depends': ['state'],
                    },
                })

    @classmethod
    def default_state(cls):
        return 'invited'

    def get_rec_name(self, name):
        return f'{self.group.rec_name}: {self.member.rec_name}'

    @classmethod
    def copy(cls, memberships, default=None):
        default = dict(default or {})
        default.setdefault('state', 'invited')
        return super().copy(memberships, default=default)

    @classmethod
    @ModelView.button
    @Workflow.transition('invited')
    def invite(cls, memberships):
        cls.write(memberships, {'end_date': None})

    @classmethod
    @ModelView.button
    @Workflow.transition('approved')
    def approve(cls, memberships):
        "A membership is approved for a member whose person is known"
        for membership in memberships:
            if not membership.member.party:
                raise MembershipError(gettext(
                        'collecting_society.msg_approve_party',
                        artist=membership.member.rec_name))

    @classmethod
    @ModelView.button
    @Workflow.transition('declined')
    def decline(cls, memberships):
        pass

    @classmethod
    @ModelView.button
    @Workflow.transition('left')
    def leave(cls, memberships):
        today = Pool().get('ir.date').today()
        for membership in memberships:
            if not membership.end_date:
                membership.end_date = today
        cls.save(memberships)


class Identifier(ModelSQL, ModelView):
    "Artist Identifier"
    __name__ = 'collecting_society.artist.identifier'
    _rec_name = 'code'

    artist = fields.Many2One(
        'collecting_society.artist', "Artist", required=True,
        ondelete='CASCADE')
    type = fields.Selection([
            ('isni', "ISNI"),
            ('ipi', "IPI Name Number"),
            ], "Type", required=True)
    type_string = type.translated('type')
    code = fields.Char("Code", required=True)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        table = cls.__table__()
        cls._sql_constraints += [
            ('code_unique', Unique(table, table.type, table.code),
                'collecting_society.msg_code_unique'),
            ]
        cls.__access__.add('artist')

    @classmethod
    def validate(cls, identifiers):
        super().validate(identifiers)
        for record in identifiers:
            if not identifier.CHECKS[record.type](record.code):
                raise IdentifierError(gettext(
                        'collecting_society.msg_identifier_invalid',
                        type=record.type_string,
                        code=record.code))
