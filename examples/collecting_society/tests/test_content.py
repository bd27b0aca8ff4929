# SPDX-License-Identifier: GPL-3.0-or-later
import hashlib

from trytond.model.exceptions import (
    AccessButtonError,
    AccessError,
    SQLConstraintError,
)
from trytond.modules.collecting_society.exceptions import ProcessingError
from trytond.pool import Pool
from trytond.tests.test_tryton import with_transaction
from trytond.transaction import Transaction

from .records import DatabaseTestCase, create, get


class ContentTestCase(DatabaseTestCase):
    "Test processing of uploaded content"

    def create_content(self, data=b'RIFF', **values):
        values.setdefault('name', 'song.wav')
        return create('content', data=data, **values)

    def create_volume(self, capacity=1):
        storage = create('storage', name="Vault", host='vault.example.com')
        return create(
            'volume', storage=storage.id, name='disk1', capacity=capacity)

    @with_transaction()
    def test_processing(self):
        "Test all steps of processing"
        Content = get('content')
        volume = self.create_volume()
        content = self.create_content()
        self.assertEqual(content.size, 4)
        Content.preprocess([content])
        Content.checksum([content])
        self.assertEqual(
            [c.code for c in content.checksums],
            [hashlib.sha256(b'RIFF').hexdigest()])
        with self.assertRaises(ProcessingError):
            Content.fingerprint([content])
        create(
            'fingerprint', content=content.id, algorithm='echo',
            version='4.12', code='eJzT0yMA')
        content = Content(content.id)
        Content.fingerprint([content])
        Content.archive([content])
        self.assertEqual(content.volume, volume)
        self.assertEqual(volume.used, 1)
        self.assertEqual(
            [log.to_state for log in content.logs], [
                'preprocessed', 'checksummed', 'fingerprinted', 'archived'])
        Content.drop([content])
        self.assertIsNone(content.data)

    @with_transaction()
    def test_processing_by_its_group(self):
        "Test that the worker's group is enough for its work, and for no more"
        pool = Pool()
        User = pool.get('res.user')
        ModelData = pool.get('ir.model.data')
        Storage = get('storage')
        Content = get('content')
        self.create_volume()
        content = self.create_content(None, size=4)
        group = ModelData.get_id('collecting_society', 'group_processing')
        user = User(name="Worker", login='worker')
        user.groups = [group]
        user.save()
        with Transaction().set_user(user.id), \
                Transaction().set_context(_check_access=True):
            content, = Content.search([('id', '=', content.id)])
            Content.write([content], {'size': 5})
            Content.preprocess([content])
            create(
                'checksum', content=content.id, algorithm='sha256',
                code='c0ffee')
            content = Content(content.id)
            Content.checksum([content])
            create(
                'fingerprint', content=content.id, algorithm='echo',
                version='4.12', code='eJzT0yMA')
            content = Content(content.id)
            Content.fingerprint([content])
            Content.archive([content])
            for refused in [
                    lambda: Content.delete([content]),
                    lambda: Storage.create([{'name': "Vault 2"}]),
                    ]:
                with self.assertRaises(AccessError):
                    refused()
            with self.assertRaises(AccessButtonError):
                Content.drop([content])

    @with_transaction()
    def test_order_of_steps(self):
        "Test that no step can be skipped"
        Content = get('content')
        content = self.create_content(category='lyrics')
        Content.archive([content])
        self.assertEqual(content.processing_state, 'uploaded')

    @with_transaction()
    def test_empty_or_too_big(self):
        "Test limits of the size"
        Content = get('content')
        create('configuration', max_upload_size=1)
        with self.assertRaises(ProcessingError):
            Content.preprocess([self.create_content(data=None)])
        with self.assertRaises(ProcessingError):
            Content.preprocess([self.create_content(b'x' * (10 ** 6 + 1))])
        Content.preprocess([self.create_content(b'x' * 10 ** 6)])

    @with_transaction()
    def test_file_elsewhere(self):
        "Test content whose file and checksum are the worker's"
        Content = get('content')
        create('configuration', max_upload_size=1)
        with self.assertRaises(ProcessingError):
            Content.preprocess([self.create_content(None, size=10 ** 6 + 1)])
        content = self.create_content(None, size=10 ** 6)
        Content.preprocess([content])
        with self.assertRaises(ProcessingError):
            Content.checksum([content])
        content = self.create_content(None, size=10 ** 6)
        Content.preprocess([content])
        create(
            'checksum', content=content.id, algorithm='sha256', code='c0ffee')
        content = Content(content.id)
        Content.checksum([content])
        self.assertEqual(content.processing_state, 'checksummed')
        self.assertEqual([c.code for c in content.checksums], ['c0ffee'])

    @with_transaction()
    def test_volume_full(self):
        "Test that a full volume takes no content"
        Content = get('content')
        self.create_volume(capacity=1)
        content = self.create_content(b'x' * (10 ** 6 + 1), category='sheet')
        Content.preprocess([content])
        Content.checksum([content])
        Content.fingerprint([content])
        with self.assertRaises(ProcessingError):
            Content.archive([content])

    @with_transaction()
    def test_duplicates(self):
        "Test rejection of the same file"
        Content = get('content')
        contents = [self.create_content(d) for d in [b'A', b'A', b'B']]
        Content.preprocess(contents)
        Content.checksum(contents)
        first, second, third = contents
        Content.reject_duplicates([second, third])
        self.assertEqual(
            [c.processing_state for c in contents],
            ['checksummed', 'rejected', 'checksummed'])
        self.assertEqual(second.rejection_reason, 'checksum_collision')
        self.assertEqual(second.duplicate_of, first)
        Content.retry([second])
        self.assertEqual(second.processing_state, 'uploaded')
        self.assertEqual(get('content')(second.id).checksums, ())

    @with_transaction()
    def test_reject_wizard(self):
        "Test rejection by wizard"
        Reject = Pool().get('collecting_society.content.reject', type='wizard')
        content = self.create_content()
        session_id, _, _ = Reject.create()
        with Transaction().set_context(
                active_model=content.__name__, active_id=content.id,
                active_ids=[content.id]):
            Reject.execute(session_id, {
                    'start': {
                        'reason': 'silence',
                        'note': "Hush",
                        'duplicate_of': None,
                        },
                    }, 'reject')
        self.assertEqual(content.processing_state, 'rejected')
        self.assertEqual(content.rejection_note, "Hush")

    @with_transaction()
    def test_uuid(self):
        "Test that UUIDs are unique, also of copies"
        Content = get('content')
        content = self.create_content()
        copied, = Content.copy([content])
        self.assertNotEqual(content.uuid, copied.uuid)
        with self.assertRaises(SQLConstraintError):
            self.create_content(uuid=content.uuid)
