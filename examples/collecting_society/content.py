# SPDX-License-Identifier: GPL-3.0-or-later
import hashlib
import uuid

from trytond.i18n import gettext
from trytond.model import ModelSQL, ModelView, Unique, Workflow, fields
from trytond.pool import Pool
from trytond.pyson import Bool, Eval
from trytond.transaction import Transaction
from trytond.wizard import Button, StateTransition, StateView, Wizard

from .exceptions import ProcessingError
from .mixin import NumberedMixin

STATES = [
    ('uploaded', "Uploaded"),
    ('preprocessed', "Preprocessed"),
    ('checksummed', "Checksummed"),
    ('fingerprinted', "Fingerprinted"),
    ('archived', "Archived"),
    ('rejected', "Rejected"),
    ('dropped', "Dropped"),
    ]
REASONS = [
    ('format', "Unknown Format"),
    ('size', "Too Big"),
    ('silence', "Silence"),
    ('checksum_collision', "Same File Exists"),
    ('fingerprint_collision', "Same Recording Exists"),
    ('missing', "File Is Missing"),
    ]
MEGABYTE = 10 ** 6


class Storage(ModelSQL, ModelView):
    "Storage"
    __name__ = 'collecting_society.storage'

    name = fields.Char("Name", required=True)
    host = fields.Char("Host")
    volumes = fields.One2Many(
        'collecting_society.volume', 'storage', "Volumes")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        table = cls.__table__()
        cls._sql_constraints += [
            ('name_unique', Unique(table, table.name),
                'collecting_society.msg_name_unique'),
            ]


class Volume(ModelSQL, ModelView):
    "Volume"
    __name__ = 'collecting_society.volume'

    storage = fields.Many2One(
        'collecting_society.storage', "Storage", required=True,
        ondelete='RESTRICT')
    name = fields.Char("Name", required=True)
    capacity = fields.Integer(
        "Capacity", required=True, domain=[('capacity', '>', 0)],
        help="In megabytes.")
    contents = fields.One2Many(
        'collecting_society.content', 'volume', "Contents", readonly=True)
    used = fields.Function(
        fields.Integer("Used", help="In megabytes."), 'get_used')
    online = fields.Boolean("Online")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        table = cls.__table__()
        cls._sql_constraints += [
            ('name_unique', Unique(table, table.storage, table.name),
                'collecting_society.msg_name_unique'),
            ]
        cls.__access__.add('storage')

    @classmethod
    def default_online(cls):
        return True

    @property
    def stored(self):
        return sum(c.size or 0 for c in self.contents)

    def get_used(self, name):
        return -(-self.stored // MEGABYTE)

    def get_rec_name(self, name):
        return f'{self.storage.rec_name}/{self.name}'

    @classmethod
    def find(cls, size):
        "The first volume online with room for a file"
        for volume in cls.search([('online', '=', True)]):
            if volume.stored + size <= volume.capacity * MEGABYTE:
                return volume
        raise ProcessingError(gettext(
                'collecting_society.msg_volume_missing',
                size=-(-size // MEGABYTE)))


class Content(NumberedMixin, Workflow, ModelSQL, ModelView):
    "Content"
    __name__ = 'collecting_society.content'
    _code_sequence = 'content_sequence'
    _transition_state = 'processing_state'

    uuid = fields.Char("UUID", required=True, readonly=True)
    name = fields.Char("File Name", required=True)
    category = fields.Selection([
            ('audio', "Audio"),
            ('sheet', "Sheet Music"),
            ('lyrics', "Lyrics"),
            ], "Category", required=True, sort=False)
    mime_type = fields.Char("MIME Type")
    data = fields.Binary(
        "Data", filename='name', file_id='data_id',
        states={
            'readonly': Eval('processing_state') != 'uploaded',
            })
    data_id = fields.Char("Data ID", readonly=True)
    size = fields.Integer("Size", readonly=True, help="In bytes.")
    party = fields.Many2One(
        'party.party', "Party", ondelete='RESTRICT',
        help="The person or body that uploaded the file.")
    web_user = fields.Many2One(
        'web.user', "Web User", readonly=True, ondelete='SET NULL')
    creation = fields.Many2One(
        'collecting_society.creation', "Creation", ondelete='SET NULL')
    duration = fields.TimeDelta("Duration")
    sample_rate = fields.Integer(
        "Sample Rate",
        states={
            'invisible': Eval('category') != 'audio',
            })
    channels = fields.Integer(
        "Channels",
        states={
            'invisible': Eval('category') != 'audio',
            })
    checksums = fields.One2Many(
        'collecting_society.checksum', 'content', "Checksums",
        readonly=True)
    fingerprints = fields.One2Many(
        'collecting_society.fingerprint', 'content', "Fingerprints",
        readonly=True)
    volume = fields.Many2One(
        'collecting_society.volume', "Volume", readonly=True,
        ondelete='RESTRICT',
        states={
            'required': Eval('processing_state') == 'archived',
            })
    rejection_reason = fields.Selection(
        [(None, '')] + REASONS, "Rejection Reason", readonly=True, sort=False,
        states={
            'required': Eval('processing_state') == 'rejected',
            'invisible': ~Eval('rejection_reason'),
            })
    rejection_note = fields.Text(
        "Rejection Note", readonly=True,
        states={
            'invisible': ~Eval('rejection_reason'),
            })
    duplicate_of = fields.Many2One(
        'collecting_society.content', "Duplicate of", readonly=True,
        ondelete='SET NULL',
        states={
            'invisible': ~Bool(Eval('duplicate_of')),
            })
    logs = fields.One2Many(
        'collecting_society.content.log', 'content', "Logs", readonly=True)
    processing_state = fields.Selection(
        STATES, "Processing State", required=True, readonly=True, sort=False)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        table = cls.__table__()
        cls._sql_constraints += [
            ('uuid_unique', Unique(table, table.uuid),
                'collecting_society.msg_uuid_unique'),
            ]
        cls._order.insert(0, ('id', 'DESC'))
        steps = [
            'uploaded', 'preprocessed', 'checksummed', 'fingerprinted',
            'archived']
        cls._transitions |= set(zip(steps, steps[1:]))
        cls._transitions |= {(step, 'rejected') for step in steps[:-1]}
        cls._transitions |= {
            ('rejected', 'uploaded'),
            ('rejected', 'dropped'),
            ('archived', 'dropped'),
            }
        cls._buttons.update({
                name: {
                    'invisible': Eval('processing_state') != state,
                    'depends': ['processing_state'],
                    }
                for name, state in [
                    ('preprocess', 'uploaded'),
                    ('checksum', 'preprocessed'),
                    ('fingerprint', 'checksummed'),
                    ('archive', 'fingerprinted'),
                    ('retry', 'rejected'),
                    ]})
        cls._buttons.update({
                'ask_rejection': {
                    'invisible': ~Eval('processing_state').in_(steps[:-1]),
                    'depends': ['processing_state'],
                    },
                'drop': {
                    'invisible': ~Eval('processing_state').in_(
                        ['archived', 'rejected']),
                    'depends': ['processing_state'],
                    },
                })

    @classmethod
    def default_uuid(cls):
        return str(uuid.uuid4())

    @classmethod
    def default_category(cls):
        return 'audio'

    @classmethod
    def default_processing_state(cls):
        return 'uploaded'

    @classmethod
    def create(cls, vlist):
        vlist = [v.copy() for v in vlist]
        for values in vlist:
            if values.get('data') is not None:
                values['size'] = len(values['data'])
        return super().create(vlist)

    @classmethod
    def copy(cls, contents, default=None):
        default = dict(default or {})
        default.setdefault('uuid', lambda data: cls.default_uuid())
        for name, value in [
                ('processing_state', 'uploaded'), ('checksums', None),
                ('fingerprints', None), ('logs', None), ('volume', None),
                ('rejection_reason', None), ('rejection_note', None),
                ('duplicate_of', None)]:
            default.setdefault(name, value)
        return super().copy(contents, default=default)

    @classmethod
    def write(cls, *args):
        "Record every change of the processing state"
        Log = Pool().get('collecting_society.content.log')
        logs = []
        actions = iter(args)
        for contents, values in zip(actions, actions):
            state = values.get('processing_state')
            if state:
                logs += [
                    Log(content=c, from_state=c.processing_state,
                        to_state=state)
                    for c in contents if c.processing_state != state]
        super().write(*args)
        Log.save(logs)

    @classmethod
    @ModelView.button
    @Workflow.transition('preprocessed')
    def preprocess(cls, contents):
        "Contents without data have their file, of a known size, at the worker"
        pool = Pool()
        Configuration = pool.get('collecting_society.configuration')
        limit = Configuration(1).max_upload_size * MEGABYTE
        for content in contents:
            size = len(content.data) if content.data else content.size
            if not size:
                raise ProcessingError(gettext(
                        'collecting_society.msg_content_empty',
                        content=content.rec_name))
            if size > limit:
                raise ProcessingError(gettext(
                        'collecting_society.msg_content_size',
                        content=content.rec_name))

    @classmethod
    @ModelView.button
    @Workflow.transition('checksummed')
    def checksum(cls, contents):
        "Without data, the worker delivers the checksum beforehand"
        Checksum = Pool().get('collecting_society.checksum')
        missing = [c for c in contents if not c.checksums]
        for content in missing:
            if not content.data:
                raise ProcessingError(gettext(
                        'collecting_society.msg_checksum_missing',
                        content=content.rec_name))
        Checksum.save([Checksum.compute(c) for c in missing])

    @classmethod
    @ModelView.button
    @Workflow.transition('fingerprinted')
    def fingerprint(cls, contents):
        "Audio needs a fingerprint, which the worker delivers beforehand"
        for content in contents:
            if content.category == 'audio' and not content.fingerprints:
                raise ProcessingError(gettext(
                        'collecting_society.msg_fingerprint_missing',
                        content=content.rec_name))

    @classmethod
    @ModelView.button
    @Workflow.transition('archived')
    def archive(cls, contents):
        Volume = Pool().get('collecting_society.volume')
        for content in contents:
            content.volume = Volume.find(content.size or 0)
            content.save()

    @classmethod
    @ModelView.button
    @Workflow.transition('uploaded')
    def retry(cls, contents):
        Checksum = Pool().get('collecting_society.checksum')
        Checksum.delete([s for c in contents for s in c.checksums])
        cls.write(contents, {
                'rejection_reason': None,
                'rejection_note': None,
                'duplicate_of': None,
                'processing_state': 'uploaded',
                })

    @classmethod
    @ModelView.button
    @Workflow.transition('dropped')
    def drop(cls, contents):
        cls.write(contents, {
                'data': None,
                'volume': None,
                'processing_state': 'dropped',
                })

    @classmethod
    @ModelView.button_action('collecting_society.wizard_content_reject')
    def ask_rejection(cls, contents):
        pass

    @classmethod
    def reject(cls, contents, reason, note=None, duplicate_of=None):
        cls.write(contents, {
                'rejection_reason': reason,
                'rejection_note': note,
                'duplicate_of': duplicate_of.id if duplicate_of else None,
                })
        cls._reject(contents)

    @classmethod
    @Workflow.transition('rejected')
    def _reject(cls, contents):
        pass

    @classmethod
    def reject_duplicates(cls, contents):
        "Reject what has the checksum of another content"
        Checksum = Pool().get('collecting_society.checksum')
        for content in contents:
            twins = Checksum.search([
                    ('code', 'in', [s.code for s in content.checksums]),
                    ('content', '!=', content.id),
                    ('content.processing_state', 'not in',
                        ['rejected', 'dropped']),
                    ], order=[('id', 'ASC')], limit=1)
            if twins:
                cls.reject(
                    [content], 'checksum_collision',
                    duplicate_of=twins[0].content)


class Checksum(ModelSQL, ModelView):
    "Checksum"
    __name__ = 'collecting_society.checksum'
    _rec_name = 'code'

    content = fields.Many2One(
        'collecting_society.content', "Content", required=True,
        ondelete='CASCADE')
    algorithm = fields.Selection([
            ('sha256', "SHA-256"),
            ('sha512', "SHA-512"),
            ], "Algorithm", required=True)
    code = fields.Char("Code", required=True)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        table = cls.__table__()
        cls._sql_constraints += [
            ('algorithm_unique',
                Unique(table, table.content, table.algorithm),
                'collecting_society.msg_checksum_unique'),
            ]
        cls.__access__.add('content')

    @classmethod
    def compute(cls, content, algorithm='sha256'):
        digest = hashlib.new(algorithm, bytes(content.data))
        return cls(
            content=content, algorithm=algorithm, code=digest.hexdigest())


class Fingerprint(ModelSQL, ModelView):
    "Fingerprint"
    __name__ = 'collecting_society.fingerprint'
    _rec_name = 'code'

    content = fields.Many2One(
        'collecting_society.content', "Content", required=True,
        ondelete='CASCADE')
    algorithm = fields.Char("Algorithm", required=True)
    version = fields.Char("Version")
    code = fields.Text("Code", required=True)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('content')


class Log(ModelSQL, ModelView):
    "Content Log"
    __name__ = 'collecting_society.content.log'

    content = fields.Many2One(
        'collecting_society.content', "Content", required=True,
        ondelete='CASCADE')
    from_state = fields.Selection(STATES, "From", required=True, sort=False)
    to_state = fields.Selection(STATES, "To", required=True, sort=False)
    user = fields.Many2One(
        'res.user', "User", required=True, ondelete='RESTRICT')

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order.insert(0, ('id', 'ASC'))
        cls.__access__.add('content')

    @classmethod
    def default_user(cls):
        return Transaction().user

    def get_rec_name(self, name):
        return f'{self.from_state} → {self.to_state}'


class RejectStart(ModelView):
    "Reject Content"
    __name__ = 'collecting_society.content.reject.start'

    reason = fields.Selection(REASONS, "Reason", required=True, sort=False)
    note = fields.Text("Note")
    duplicate_of = fields.Many2One(
        'collecting_society.content', "Duplicate of",
        states={
            'invisible': ~Eval('reason', '').in_(
                ['checksum_collision', 'fingerprint_collision']),
            })


class Reject(Wizard):
    "Reject Content"
    __name__ = 'collecting_society.content.reject'

    start = StateView(
        'collecting_society.content.reject.start',
        'collecting_society.content_reject_start_view_form', [
            Button("Cancel", 'end', 'tryton-cancel'),
            Button("Reject", 'reject', 'tryton-ok', default=True),
            ])
    reject = StateTransition()

    def transition_reject(self):
        pool = Pool()
        Content = pool.get('collecting_society.content')
        contents = Content.browse(Transaction().context['active_ids'])
        Content.reject(
            contents, self.start.reason, self.start.note,
            self.start.duplicate_of)
        return 'end'
