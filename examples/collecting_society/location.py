# SPDX-License-Identifier: GPL-3.0-or-later
import datetime
from decimal import Decimal

from trytond.model import (
    DeactivableMixin,
    ModelSQL,
    ModelView,
    Unique,
    fields,
    sequence_ordered,
)
from trytond.modules.currency.fields import Monetary
from trytond.pyson import Bool, Eval, If


class Category(ModelSQL, ModelView):
    "Location Category"
    __name__ = 'collecting_society.location.category'

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
        cls._order.insert(0, ('name', 'ASC'))


class Location(DeactivableMixin, ModelSQL, ModelView):
    "Location"
    __name__ = 'collecting_society.location'

    name = fields.Char("Name", required=True)
    category = fields.Many2One(
        'collecting_society.location.category', "Category", required=True,
        ondelete='RESTRICT')
    party = fields.Many2One(
        'party.party', "Operator", ondelete='RESTRICT')
    address = fields.Many2One(
        'party.address', "Address", ondelete='SET NULL',
        domain=[
            ('party', '=', Eval('party', -1)),
            ],
        states={
            'invisible': ~Eval('party'),
            })
    country = fields.Many2One('country.country', "Country")
    subdivision = fields.Many2One(
        'country.subdivision', "Subdivision",
        domain=[
            ('country', '=', Eval('country', -1)),
            ])
    latitude = fields.Float(
        "Latitude", digits=(3, 6),
        domain=['OR',
            ('latitude', '=', None),
            [('latitude', '>=', -90), ('latitude', '<=', 90)],
            ])
    longitude = fields.Float(
        "Longitude", digits=(3, 6),
        domain=['OR',
            ('longitude', '=', None),
            [('longitude', '>=', -180), ('longitude', '<=', 180)],
            ])
    spaces = fields.One2Many(
        'collecting_society.location.space', 'location', "Spaces")
    area = fields.Function(
        fields.Numeric("Area", digits=(16, 2)), 'get_area')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order.insert(0, ('name', 'ASC'))

    def get_area(self, name):
        return sum(s.area for s in self.spaces)


class Space(ModelSQL, ModelView):
    "Location Space"
    __name__ = 'collecting_society.location.space'

    location = fields.Many2One(
        'collecting_society.location', "Location", required=True,
        ondelete='CASCADE')
    name = fields.Char("Name", required=True)
    area = fields.Numeric(
        "Area", digits=(16, 2), required=True, domain=[('area', '>', 0)],
        help="In square metres.")
    capacity = fields.Integer(
        "Capacity",
        domain=['OR', ('capacity', '=', None), ('capacity', '>', 0)])

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('location')


class Series(ModelSQL, ModelView):
    "Event Series"
    __name__ = 'collecting_society.event.series'

    name = fields.Char("Name", required=True)
    description = fields.Text("Description")
    events = fields.One2Many(
        'collecting_society.event', 'series', "Events")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order.insert(0, ('name', 'ASC'))


class Event(DeactivableMixin, ModelSQL, ModelView):
    "Event"
    __name__ = 'collecting_society.event'

    name = fields.Char("Name", required=True)
    series = fields.Many2One(
        'collecting_society.event.series', "Series", ondelete='SET NULL')
    location = fields.Many2One(
        'collecting_society.location', "Location", required=True,
        ondelete='RESTRICT')
    start = fields.DateTime("Start", required=True)
    end = fields.DateTime(
        "End",
        domain=[
            If(Bool(Eval('end')) & Bool(Eval('start')),
                ('end', '>', Eval('start')),
                ()),
            ])
    hours = fields.Function(
        fields.Numeric("Hours", digits=(16, 2)), 'on_change_with_hours')
    attendance = fields.Integer(
        "Attendance",
        domain=['OR', ('attendance', '=', None), ('attendance', '>=', 0)])
    currency = fields.Many2One(
        'currency.currency', "Currency", ondelete='RESTRICT',
        states={
            'required': Bool(Eval('turnover')),
            })
    turnover = Monetary(
        "Turnover", currency='currency', digits='currency',
        domain=['OR', ('turnover', '=', None), ('turnover', '>=', 0)])
    performances = fields.One2Many(
        'collecting_society.performance', 'event', "Performances")
    share = fields.Function(
        fields.Numeric(
            "Share", digits=(1, 4),
            help="The part of the played creations that the society "
            "represents."),
        'get_share')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order.insert(0, ('start', 'DESC'))

    @fields.depends('start', 'end')
    def on_change_with_hours(self, name=None):
        if not self.start or not self.end:
            return None
        seconds = (self.end - self.start) / datetime.timedelta(seconds=1)
        return (Decimal(int(seconds)) / 3600).quantize(Decimal('0.01'))

    def get_share(self, name):
        "Played items of registered creations over all played items"
        items = [i for p in self.performances for i in p.items]
        if not items:
            return Decimal(1)
        ours = sum(1 for i in items if i.represented)
        return (Decimal(ours) / len(items)).quantize(Decimal('0.0001'))


class Performance(ModelSQL, ModelView):
    "Performance"
    __name__ = 'collecting_society.performance'

    event = fields.Many2One(
        'collecting_society.event', "Event", required=True,
        ondelete='CASCADE')
    artist = fields.Many2One(
        'collecting_society.artist', "Artist", required=True,
        ondelete='RESTRICT')
    start = fields.DateTime("Start")
    end = fields.DateTime(
        "End",
        domain=[
            If(Bool(Eval('end')) & Bool(Eval('start')),
                ('end', '>', Eval('start')),
                ()),
            ])
    items = fields.One2Many(
        'collecting_society.performance.item', 'performance', "Playlist")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('event')

    def get_rec_name(self, name):
        return f'{self.artist.rec_name}, {self.event.rec_name}'


class PlaylistItem(sequence_ordered(), ModelSQL, ModelView):
    "Playlist Item"
    __name__ = 'collecting_society.performance.item'
    _rec_name = 'title'

    performance = fields.Many2One(
        'collecting_society.performance', "Performance", required=True,
        ondelete='CASCADE')
    creation = fields.Many2One(
        'collecting_society.creation', "Creation", ondelete='RESTRICT')
    title = fields.Char("Title", required=True)
    duration = fields.TimeDelta("Duration")
    represented = fields.Function(
        fields.Boolean("Represented"), 'on_change_with_represented')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('performance')

    @fields.depends('creation', 'title')
    def on_change_creation(self):
        if self.creation:
            self.title = self.title or self.creation.title

    @fields.depends('creation')
    def on_change_with_represented(self, name=None):
        return bool(self.creation and self.creation.state == 'registered')


class Website(DeactivableMixin, ModelSQL, ModelView):
    "Website"
    __name__ = 'collecting_society.website'

    name = fields.Char("Name", required=True)
    url = fields.Char("URL", required=True)
    party = fields.Many2One('party.party', "Operator", ondelete='RESTRICT')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        table = cls.__table__()
        cls._sql_constraints += [
            ('url_unique', Unique(table, table.url),
                'collecting_society.msg_url_unique'),
            ]
        cls._order.insert(0, ('name', 'ASC'))
