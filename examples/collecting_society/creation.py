# SPDX-License-Identifier: GPL-3.0-or-later
import datetime
from collections import defaultdict
from decimal import Decimal

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
from trytond.pyson import Eval

from . import identifier
from .exceptions import (
    DerivationError,
    IdentifierError,
    LicenceError,
    RegistrationError,
    ShareError,
    WithdrawWarning,
)
from .mixin import NumberedMixin, PeriodMixin

RIGHTS = [
    ('performing', "Performing"),
    ('mechanical', "Mechanical"),
    ('synchronisation', "Synchronisation"),
    ]
HUNDRED = Decimal(100)


class Creation(
        NumberedMixin, DeactivableMixin, Workflow, ModelSQL, ModelView):
    "Creation"
    __name__ = 'collecting_society.creation'
    _rec_name = 'title'
    _code_sequence = 'creation_sequence'

    _states = {
        'readonly': Eval('state') != 'draft',
        }

    title = fields.Char("Title", required=True, states=_states)
    artist = fields.Many2One(
        'collecting_society.artist', "Artist", required=True,
        ondelete='RESTRICT', states=_states)
    iswc = fields.Char(
        "ISWC", help="The International Standard Musical Work Code.")
    instrumental = fields.Boolean("Instrumental", states=_states)
    lyrics = fields.Text(
        "Lyrics",
        states={
            'readonly': _states['readonly'],
            'invisible': Eval('instrumental', False),
            })
    genres = fields.Many2Many(
        'collecting_society.creation-collecting_society.genre',
        'creation', 'genre', "Genres")
    contributions = fields.One2Many(
        'collecting_society.contribution', 'creation', "Contributions",
        states=_states)
    licences = fields.One2Many(
        'collecting_society.creation.licence', 'creation', "Licences",
        states=_states)
    originals = fields.One2Many(
        'collecting_society.derivation', 'derivative', "Originals",
        states=_states)
    derivatives = fields.One2Many(
        'collecting_society.derivation', 'original', "Derivatives",
        readonly=True)
    tracks = fields.One2Many(
        'collecting_society.track', 'creation', "Tracks", readonly=True)
    contents = fields.One2Many(
        'collecting_society.content', 'creation', "Contents", readonly=True)
    complete = fields.Function(
        fields.Boolean(
            "Complete",
            help="Every right is distributed to exactly 100 %."),
        'get_complete')
    state = fields.Selection([
            ('draft', "Draft"),
            ('submitted', "Submitted"),
            ('registered', "Registered"),
            ('rejected', "Rejected"),
            ('withdrawn', "Withdrawn"),
            ], "State", required=True, readonly=True, sort=False)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        table = cls.__table__()
        cls._sql_constraints += [
            ('iswc_unique', Unique(table, table.iswc),
                'collecting_society.msg_iswc_unique'),
            ]
        cls._order.insert(0, ('title', 'ASC'))
        cls._transitions |= {
            ('draft', 'submitted'),
            ('submitted', 'draft'),
            ('submitted', 'registered'),
            ('submitted', 'rejected'),
            ('rejected', 'draft'),
            ('registered', 'withdrawn'),
            }
        cls._buttons.update({
                'submit': {
                    'invisible': Eval('state') != 'draft',
                    'depends': ['state'],
                    },
                'reopen': {
                    'invisible': ~Eval('state').in_(
                        ['submitted', 'rejected']),
                    'depends': ['state'],
                    },
                'enrol': {
                    'invisible': Eval('state') != 'submitted',
                    'depends': ['state'],
                    },
                'reject': {
                    'invisible': Eval('state') != 'submitted',
                    'depends': ['state'],
                    },
                'withdraw': {
                    'invisible': Eval('state') != 'registered',
                    'depends': ['state'],
                    },
                })

    @classmethod
    def default_state(cls):
        return 'draft'

    @classmethod
    def default_instrumental(cls):
        return False

    @classmethod
    def search_rec_name(cls, name, clause):
        operator = clause[1]
        bool_op = (
            'AND' if operator.startswith('!') or operator.startswith('not')
            else 'OR')
        return [bool_op,
            ('title',) + tuple(clause[1:]),
            ('code',) + tuple(clause[1:]),
            ('iswc',) + tuple(clause[1:]),
            ]

    @fields.depends('iswc')
    def on_change_iswc(self):
        if identifier.is_iswc(self.iswc):
            self.iswc = identifier.format_iswc(self.iswc)

    @classmethod
    def validate(cls, creations):
        super().validate(creations)
        for creation in creations:
            if creation.iswc and not identifier.is_iswc(creation.iswc):
                raise IdentifierError(gettext(
                        'collecting_society.msg_identifier_invalid',
                        type="ISWC", code=creation.iswc))

    @classmethod
    def copy(cls, creations, default=None):
        default = dict(default or {})
        for name, value in [
                ('state', 'draft'), ('iswc', None), ('derivatives', None),
                ('tracks', None), ('contents', None)]:
            default.setdefault(name, value)
        return super().copy(creations, default=default)

    @classmethod
    def delete(cls, creations):
        for creation in creations:
            if creation.state not in {'draft', 'rejected'}:
                raise RegistrationError(gettext(
                        'collecting_society.msg_creation_delete',
                        creation=creation.rec_name))
        super().delete(creations)

    @property
    def rights(self):
        return [r for c in self.contributions for r in c.rights]

    def shares(self, date):
        "The distributed share of each kind of right and territory at a date"
        shares = defaultdict(Decimal)
        for right in self.rights:
            if right.is_valid(date):
                shares[right.kind, right.territory] += right.share
        return dict(shares)

    def get_complete(self, name):
        shares = self.shares(Pool().get('ir.date').today())
        return bool(shares) and all(s == HUNDRED for s in shares.values())

    def licence_for(self, territory, date):
        "The freest licence valid in a territory at a date"
        licences = [
            grant.licence for grant in self.licences
            if grant.is_valid(date)
            and grant.territory in {None, territory}]
        return max(
            licences, key=lambda licence: licence.freedom_rank, default=None)

    def check_authorship(self):
        if not any(
                c.role.kind == 'authorship' for c in self.contributions):
            raise RegistrationError(gettext(
                    'collecting_society.msg_creation_author',
                    creation=self.rec_name))
        if not self.get_complete(None):
            raise RegistrationError(gettext(
                    'collecting_society.msg_creation_incomplete',
                    creation=self.rec_name))

    def check_originals(self):
        "The licence of an original must permit the one of the derivative"
        today = Pool().get('ir.date').today()
        derived = self.licence_for(None, today)
        for derivation in self.originals:
            licence = derivation.original.licence_for(None, today)
            if derivation.permission or (
                    licence and derived and licence.permits(derived)):
                continue
            raise LicenceError(gettext(
                    'collecting_society.msg_licence_incompatible',
                    original=derivation.original.rec_name,
                    derivative=self.rec_name))

    @classmethod
    @ModelView.button
    @Workflow.transition('submitted')
    def submit(cls, creations):
        for creation in creations:
            creation.check_authorship()
            creation.check_originals()

    @classmethod
    @ModelView.button
    @Workflow.transition('draft')
    def reopen(cls, creations):
        pass

    @classmethod
    @ModelView.button
    @Workflow.transition('registered')
    def enrol(cls, creations):
        pass

    @classmethod
    @ModelView.button
    @Workflow.transition('rejected')
    def reject(cls, creations):
        pass

    @classmethod
    @ModelView.button
    @Workflow.transition('withdrawn')
    def withdraw(cls, creations):
        Warning = Pool().get('res.user.warning')
        for creation in creations:
            if not creation.tracks:
                continue
            key = Warning.format('creation_withdraw', [creation])
            if Warning.check(key):
                raise WithdrawWarning(key, gettext(
                        'collecting_society.msg_creation_withdraw',
                        creation=creation.rec_name))


class CreationGenre(ModelSQL):
    "Creation - Genre"
    __name__ = 'collecting_society.creation-collecting_society.genre'

    creation = fields.Many2One(
        'collecting_society.creation', "Creation", required=True,
        ondelete='CASCADE')
    genre = fields.Many2One(
        'collecting_society.genre', "Genre", required=True,
        ondelete='RESTRICT')


class Contribution(ModelSQL, ModelView):
    "Contribution"
    __name__ = 'collecting_society.contribution'

    creation = fields.Many2One(
        'collecting_society.creation', "Creation", required=True,
        ondelete='CASCADE')
    artist = fields.Many2One(
        'collecting_society.artist', "Artist", required=True,
        ondelete='RESTRICT')
    role = fields.Many2One(
        'collecting_society.contribution.role', "Role", required=True,
        ondelete='RESTRICT')
    kind = fields.Function(
        fields.Selection('get_kinds', "Kind"), 'on_change_with_kind')
    publisher = fields.Many2One(
        'collecting_society.publisher', "Publisher", ondelete='RESTRICT',
        states={
            'invisible': Eval('kind') != 'authorship',
            })
    rights = fields.One2Many(
        'collecting_society.right', 'contribution', "Rights",
        states={
            'invisible': Eval('kind') != 'authorship',
            })

    @classmethod
    def __setup__(cls):
        super().__setup__()
        table = cls.__table__()
        cls._sql_constraints += [
            ('artist_role_unique',
                Unique(table, table.creation, table.artist, table.role),
                'collecting_society.msg_contribution_unique'),
            ]
        cls.__access__.add('creation')

    @classmethod
    def get_kinds(cls):
        Role = Pool().get('collecting_society.contribution.role')
        definition = Role.fields_get(['kind'])['kind']
        return [(None, '')] + definition['selection']

    @fields.depends('role')
    def on_change_with_kind(self, name=None):
        return self.role.kind if self.role else None

    def get_rec_name(self, name):
        return f'{self.artist.rec_name} ({self.role.rec_name})'

    @classmethod
    def validate(cls, contributions):
        super().validate(contributions)
        for contribution in contributions:
            if contribution.rights and contribution.kind != 'authorship':
                raise ShareError(gettext(
                        'collecting_society.msg_rights_authorship',
                        contribution=contribution.rec_name))


class Right(PeriodMixin, ModelSQL, ModelView):
    "Right"
    __name__ = 'collecting_society.right'

    contribution = fields.Many2One(
        'collecting_society.contribution', "Contribution", required=True,
        ondelete='CASCADE')
    kind = fields.Selection(RIGHTS, "Kind", required=True, sort=False)
    kind_string = kind.translated('kind')
    share = fields.Numeric(
        "Share", digits=(5, 2), required=True,
        domain=[
            ('share', '>', 0),
            ('share', '<=', 100),
            ],
        help="In percent of the creation.")
    society = fields.Many2One(
        'collecting_society.society', "Society", ondelete='RESTRICT',
        help="The society that represents the right.")
    territory = fields.Many2One(
        'country.country', "Territory", ondelete='RESTRICT',
        help="Leave empty for the whole world.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('contribution')

    @classmethod
    def default_kind(cls):
        return 'performing'

    def get_rec_name(self, name):
        return f'{self.kind_string} {self.share} %'

    @classmethod
    def validate(cls, rights):
        super().validate(rights)
        for right in rights:
            if right.contribution.kind != 'authorship':
                raise ShareError(gettext(
                        'collecting_society.msg_rights_authorship',
                        contribution=right.contribution.rec_name))
            if right.society and not right.society.represents(right.kind):
                raise ShareError(gettext(
                        'collecting_society.msg_right_society',
                        society=right.society.rec_name,
                        right=right.rec_name))
        for creation in {r.contribution.creation for r in rights}:
            cls.check_shares(creation)

    @classmethod
    def check_shares(cls, creation):
        "Rights of one kind and territory never exceed 100 % at any time"
        rights = cls.search([('contribution.creation', '=', creation.id)])
        for right in rights:
            start = right.valid_from or datetime.date.min
            total = sum(
                r.share for r in rights
                if r.kind == right.kind and r.territory == right.territory
                and r.is_valid(start))
            if total > HUNDRED:
                raise ShareError(gettext(
                        'collecting_society.msg_share_exceeded',
                        creation=creation.rec_name,
                        kind=right.kind_string,
                        total=total))


class Derivation(ModelSQL, ModelView):
    "Derivation"
    __name__ = 'collecting_society.derivation'

    original = fields.Many2One(
        'collecting_society.creation', "Original", required=True,
        ondelete='RESTRICT')
    derivative = fields.Many2One(
        'collecting_society.creation', "Derivative", required=True,
        ondelete='CASCADE')
    kind = fields.Selection([
            ('adaption', "Adaption"),
            ('cover', "Cover"),
            ('remix', "Remix"),
            ('sample', "Sample"),
            ], "Kind", required=True)
    permission = fields.Boolean(
        "Permission",
        help="The authors of the original gave an individual permission.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        table = cls.__table__()
        cls._sql_constraints += [
            ('pair_unique',
                Unique(table, table.original, table.derivative),
                'collecting_society.msg_derivation_unique'),
            ]
        cls.__access__.add('derivative')

    def get_rec_name(self, name):
        return f'{self.original.rec_name} → {self.derivative.rec_name}'

    @classmethod
    def validate(cls, derivations):
        super().validate(derivations)
        for derivation in derivations:
            derivation.check_cycle()

    def check_cycle(self):
        seen, todo = set(), [self.original]
        while todo:
            creation = todo.pop()
            if creation == self.derivative:
                raise DerivationError(gettext(
                        'collecting_society.msg_derivation_cycle',
                        creation=creation.rec_name))
            if creation not in seen:
                seen.add(creation)
                todo.extend(d.original for d in creation.originals)


class CreationLicence(PeriodMixin, ModelSQL, ModelView):
    "Creation Licence"
    __name__ = 'collecting_society.creation.licence'

    creation = fields.Many2One(
        'collecting_society.creation', "Creation", required=True,
        ondelete='CASCADE')
    licence = fields.Many2One(
        'collecting_society.licence', "Licence", required=True,
        ondelete='RESTRICT')
    territory = fields.Many2One(
        'country.country', "Territory", ondelete='RESTRICT',
        help="Leave empty for the whole world.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('creation')

    def get_rec_name(self, name):
        return f'{self.creation.rec_name}: {self.licence.rec_name}'
