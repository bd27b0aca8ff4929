# SPDX-License-Identifier: GPL-3.0-or-later
import datetime

from trytond.i18n import gettext
from trytond.model import (
    ModelSQL,
    ModelView,
    Unique,
    Workflow,
    fields,
    sequence_ordered,
)
from trytond.pool import Pool
from trytond.pyson import Bool, Eval, If, TimeDelta

from . import identifier
from .exceptions import IdentifierError, PublicationError
from .mixin import NumberedMixin


class Release(NumberedMixin, Workflow, ModelSQL, ModelView):
    "Release"
    __name__ = 'collecting_society.release'
    _rec_name = 'title'
    _code_sequence = 'release_sequence'

    _states = {
        'readonly': Eval('state') != 'draft',
        }

    title = fields.Char("Title", required=True, states=_states)
    artist = fields.Many2One(
        'collecting_society.artist', "Artist", ondelete='RESTRICT',
        states={
            'readonly': _states['readonly'],
            'required': Eval('type') != 'compilation',
            'invisible': Eval('type') == 'compilation',
            })
    type = fields.Selection([
            ('single', "Single"),
            ('ep', "EP"),
            ('album', "Album"),
            ('compilation', "Compilation"),
            ], "Type", required=True, sort=False, states=_states)
    label = fields.Many2One(
        'collecting_society.label', "Label", ondelete='RESTRICT')
    publisher = fields.Many2One(
        'collecting_society.publisher', "Publisher", ondelete='RESTRICT')
    catalogue_number = fields.Char(
        "Catalogue Number",
        states={
            'required': Bool(Eval('label')),
            })
    gtin = fields.Char("GTIN", help="The bar code of the sound carrier.")
    release_date = fields.Date(
        "Release Date",
        states={
            'required': Eval('state') == 'published',
            })
    withdrawal_date = fields.Date(
        "Withdrawal Date", readonly=True,
        domain=[
            If(Bool(Eval('withdrawal_date')) & Bool(Eval('release_date')),
                ('withdrawal_date', '>=', Eval('release_date')),
                ()),
            ])
    genres = fields.Many2Many(
        'collecting_society.release-collecting_society.genre',
        'release', 'genre', "Genres")
    media = fields.One2Many(
        'collecting_society.medium', 'release', "Media", states=_states)
    tracks = fields.One2Many(
        'collecting_society.track', 'release', "Tracks", states=_states)
    duration = fields.Function(
        fields.TimeDelta("Duration"), 'get_duration')
    state = fields.Selection([
            ('draft', "Draft"),
            ('announced', "Announced"),
            ('published', "Published"),
            ('withdrawn', "Withdrawn"),
            ], "State", required=True, readonly=True, sort=False)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        table = cls.__table__()
        cls._sql_constraints += [
            ('gtin_unique', Unique(table, table.gtin),
                'collecting_society.msg_gtin_unique'),
            ('catalogue_number_unique',
                Unique(table, table.label, table.catalogue_number),
                'collecting_society.msg_catalogue_number_unique'),
            ]
        cls._order.insert(0, ('release_date', 'DESC'))
        cls._transitions |= {
            ('draft', 'announced'),
            ('announced', 'draft'),
            ('announced', 'published'),
            ('published', 'withdrawn'),
            }
        cls._buttons.update({
                'announce': {
                    'invisible': Eval('state') != 'draft',
                    'depends': ['state'],
                    },
                'revise': {
                    'invisible': Eval('state') != 'announced',
                    'depends': ['state'],
                    },
                'publish': {
                    'invisible': Eval('state') != 'announced',
                    'depends': ['state'],
                    },
                'withdraw': {
                    'invisible': Eval('state') != 'published',
                    'depends': ['state'],
                    },
                })

    @classmethod
    def default_type(cls):
        return 'album'

    @classmethod
    def default_state(cls):
        return 'draft'

    def get_duration(self, name):
        return sum(
            (t.duration for t in self.tracks if t.duration),
            datetime.timedelta())

    @classmethod
    def validate(cls, releases):
        super().validate(releases)
        for release in releases:
            if release.gtin and not identifier.is_gtin(release.gtin):
                raise IdentifierError(gettext(
                        'collecting_society.msg_identifier_invalid',
                        type="GTIN", code=release.gtin))

    @classmethod
    def copy(cls, releases, default=None):
        default = dict(default or {})
        for name, value in [
                ('state', 'draft'), ('gtin', None), ('label', None),
                ('catalogue_number', None), ('withdrawal_date', None),
                ('media', None), ('tracks', None)]:
            default.setdefault(name, value)
        return super().copy(releases, default=default)

    @classmethod
    @ModelView.button
    @Workflow.transition('announced')
    def announce(cls, releases):
        for release in releases:
            if not release.tracks:
                raise PublicationError(gettext(
                        'collecting_society.msg_release_tracks',
                        release=release.rec_name))

    @classmethod
    @ModelView.button
    @Workflow.transition('draft')
    def revise(cls, releases):
        pass

    @classmethod
    @ModelView.button
    @Workflow.transition('published')
    def publish(cls, releases):
        today = Pool().get('ir.date').today()
        for release in releases:
            if not release.release_date or release.release_date > today:
                raise PublicationError(gettext(
                        'collecting_society.msg_release_date',
                        release=release.rec_name))
            for track in release.tracks:
                if track.creation.state != 'registered':
                    raise PublicationError(gettext(
                            'collecting_society.msg_track_creation',
                            release=release.rec_name,
                            creation=track.creation.rec_name))

    @classmethod
    @ModelView.button
    @Workflow.transition('withdrawn')
    def withdraw(cls, releases):
        today = Pool().get('ir.date').today()
        cls.write(releases, {'withdrawal_date': today})


class ReleaseGenre(ModelSQL):
    "Release - Genre"
    __name__ = 'collecting_society.release-collecting_society.genre'

    release = fields.Many2One(
        'collecting_society.release', "Release", required=True,
        ondelete='CASCADE')
    genre = fields.Many2One(
        'collecting_society.genre', "Genre", required=True,
        ondelete='RESTRICT')


class Medium(ModelSQL, ModelView):
    "Medium"
    __name__ = 'collecting_society.medium'

    release = fields.Many2One(
        'collecting_society.release', "Release", required=True,
        ondelete='CASCADE')
    number = fields.Integer(
        "Number", required=True, domain=[('number', '>=', 1)])
    format = fields.Selection([
            ('vinyl', "Vinyl"),
            ('cd', "Compact Disc"),
            ('cassette', "Cassette"),
            ('download', "Download"),
            ], "Format", required=True)
    format_string = format.translated('format')
    title = fields.Char("Title")
    tracks = fields.One2Many(
        'collecting_society.track', 'medium', "Tracks",
        domain=[
            ('release', '=', Eval('release', -1)),
            ])

    @classmethod
    def __setup__(cls):
        super().__setup__()
        table = cls.__table__()
        cls._sql_constraints += [
            ('number_unique', Unique(table, table.release, table.number),
                'collecting_society.msg_medium_unique'),
            ]
        cls._order.insert(0, ('number', 'ASC'))
        cls.__access__.add('release')

    @classmethod
    def default_number(cls):
        return 1

    def get_rec_name(self, name):
        return f'{self.format_string} {self.number}'


class Track(sequence_ordered(), ModelSQL, ModelView):
    "Track"
    __name__ = 'collecting_society.track'
    _rec_name = 'title'

    release = fields.Many2One(
        'collecting_society.release', "Release", required=True,
        ondelete='CASCADE')
    medium = fields.Many2One(
        'collecting_society.medium', "Medium", ondelete='CASCADE',
        domain=[
            ('release', '=', Eval('release', -1)),
            ])
    creation = fields.Many2One(
        'collecting_society.creation', "Creation", required=True,
        ondelete='RESTRICT')
    title = fields.Char("Title", required=True)
    artist = fields.Many2One(
        'collecting_society.artist', "Artist", required=True,
        ondelete='RESTRICT', help="The performing artist.")
    isrc = fields.Char(
        "ISRC", help="The International Standard Recording Code.")
    duration = fields.TimeDelta(
        "Duration",
        domain=['OR',
            ('duration', '=', None),
            ('duration', '>', TimeDelta()),
            ])
    licence = fields.Many2One(
        'collecting_society.licence', "Licence", ondelete='RESTRICT')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('release')

    @fields.depends(
        'creation', 'title', 'artist',
        '_parent_creation.title', '_parent_creation.artist')
    def on_change_creation(self):
        if self.creation:
            self.title = self.title or self.creation.title
            self.artist = self.artist or self.creation.artist

    @fields.depends('isrc')
    def on_change_isrc(self):
        if identifier.is_isrc(self.isrc):
            self.isrc = identifier.format_isrc(self.isrc)

    @classmethod
    def validate(cls, tracks):
        super().validate(tracks)
        for track in tracks:
            if track.isrc and not identifier.is_isrc(track.isrc):
                raise IdentifierError(gettext(
                        'collecting_society.msg_identifier_invalid',
                        type="ISRC", code=track.isrc))
