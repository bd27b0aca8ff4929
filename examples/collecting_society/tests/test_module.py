# SPDX-License-Identifier: GPL-3.0-or-later
import datetime as dt
import pathlib
from decimal import Decimal

from trytond.i18n import gettext
from trytond.model.exceptions import (
    AccessError,
    DomainValidationError,
    SQLConstraintError,
)
from trytond.modules import collecting_society
from trytond.modules.collecting_society.exceptions import (
    DerivationError,
    IdentifierError,
    LicenceError,
    MembershipError,
    PublicationError,
    RegistrationError,
    ShareError,
    WithdrawWarning,
)
from trytond.modules.company.tests import CompanyTestMixin
from trytond.pool import Pool
from trytond.tests.test_tryton import ModuleTestCase, with_transaction
from trytond.transaction import Transaction

from .records import (
    create,
    create_artist,
    create_creation,
    create_group,
    create_licence,
    create_party,
    enrol,
    get,
    get_role,
)

TODAY = dt.date.today()
DAY = dt.timedelta(days=1)


class CollectingSocietyTestCase(CompanyTestMixin, ModuleTestCase):
    "Test Collecting Society module"
    module = 'collecting_society'

    # Parties and memberships

    @with_transaction()
    def test_party_birthdate(self):
        "Test birthdate of parties"
        create_party("Ada", birthdate=dt.date(1980, 2, 29))
        with self.assertRaises(MembershipError):
            create_party("Ada", birthdate=TODAY + DAY)
        with self.assertRaises(MembershipError):
            create_party(
                "Ada Ltd.", birthdate=dt.date(1980, 2, 29), legal_person=True)

    @with_transaction()
    def test_membership(self):
        "Test membership of persons and bodies"
        Membership = get('membership')
        Party = Pool().get('party.party')
        person = create_party("Ada")
        body = create_party("Ada Ltd.", legal_person=True)
        first, second = Membership.create([
                {'party': person.id}, {'party': body.id, 'shares': 3}])
        self.assertLess(first.code, second.code)
        with self.assertRaises(MembershipError):
            Membership.accept([first])
        person.birthdate = dt.date(1980, 2, 29)
        person.save()
        Membership.accept([first, second])
        self.assertEqual(first.start_date, TODAY)
        self.assertTrue(person.member)
        self.assertEqual(
            Party.search([('member', '=', True)]), [person, body])
        Membership.end([second])
        self.assertEqual(second.end_date, TODAY)
        self.assertEqual(Party.search([('member', '=', True)]), [person])
        self.assertIn(body, Party.search([('member', '=', False)]))

    @with_transaction()
    def test_membership_twice(self):
        "Test a second membership"
        Membership = get('membership')
        party = create_party("Ada", birthdate=dt.date(1980, 2, 29))
        first, second = Membership.create([{'party': party.id}] * 2)
        Membership.accept([first])
        with self.assertRaises(MembershipError):
            Membership.accept([second])

    @with_transaction()
    def test_membership_shares(self):
        "Test limit of shares"
        party = create_party("Ada")
        create('membership', party=party.id, kind='supporting', shares=500)
        for shares in [0, 61]:
            with self.assertRaises(DomainValidationError):
                create('membership', party=party.id, shares=shares)

    @with_transaction()
    def test_web_user_party(self):
        "Test that licensors and licensees have a party"
        User = Pool().get('web.user')
        role, = get('web_user.role').search([('code', '=', 'licensor')])
        roles = [('add', [role.id])]
        user, = User.create([{
                    'email': 'ada@example.com', 'roles': roles,
                    'party': create_party("Ada").id}])
        self.assertTrue(user.has_role('licensor', 'licensee'))
        self.assertFalse(user.has_role('licensee'))
        with self.assertRaises(MembershipError):
            User.create([{'email': 'bob@example.com', 'roles': roles}])

    # Artists

    @with_transaction()
    def test_artist_code(self):
        "Test artist code"
        Artist = get('artist')
        first, second = create_artist("Ada"), create_artist("Bob")
        self.assertRegex(first.code, r'^A\d{6}$')
        self.assertNotEqual(first.code, second.code)
        copied, = Artist.copy([first])
        self.assertNotIn(copied.code, {first.code, second.code})
        self.assertEqual(
            Artist.search([('rec_name', '=', second.code)]), [second])

    @with_transaction()
    def test_artist_claim(self):
        "Test claim of artists"
        Artist = get('artist')
        unknown = create_artist("Nobody", party=None)
        with self.assertRaises(MembershipError):
            Artist.claim([unknown])
        known = create_artist("Ada")
        Artist.claim([known])
        Artist.confirm_claim([known])
        self.assertEqual(known.claim_state, 'confirmed')
        Artist.revoke_claim([known])
        self.assertEqual(known.claim_state, 'unclaimed')

    @with_transaction()
    def test_group_members(self):
        "Test approval of members"
        Membership = get('artist.membership')
        ada, bob = create_artist("Ada"), create_artist("Bob", party=None)
        group = create_group("Pair", ada, bob)
        self.assertEqual(group.solo_artists, ())
        first, second = group.members
        Membership.approve([first])
        with self.assertRaises(MembershipError):
            Membership.approve([second])
        Membership.decline([second])
        self.assertEqual(get('artist')(group.id).solo_artists, (ada,))
        Membership.leave([first])
        self.assertEqual(first.end_date, TODAY)
        self.assertEqual(get('artist')(group.id).solo_artists, ())

    @with_transaction()
    def test_group_domain(self):
        "Test that groups have solo artists as members"
        ada, group = create_artist("Ada"), create_group("Pair")
        for values in [
                {'group': ada.id, 'member': ada.id},
                {'group': group.id, 'member': group.id}]:
            with self.assertRaises(DomainValidationError):
                create('artist.membership', **values)

    @with_transaction()
    def test_group_member_unique(self):
        "Test that members are unique"
        ada = create_artist("Ada")
        with self.assertRaises(SQLConstraintError):
            create_group("Pair", ada, ada)

    @with_transaction()
    def test_artist_identifier(self):
        "Test artist identifiers"
        ada = create_artist("Ada")
        create(
            'artist.identifier', artist=ada.id, type='isni',
            code='0000000121032683')
        with self.assertRaises(IdentifierError):
            create(
                'artist.identifier', artist=ada.id, type='ipi',
                code='0000000121032683')

    # Creations

    @with_transaction()
    def test_creation_iswc(self):
        "Test ISWC of creations"
        Creation = get('creation')
        ada = create_artist("Ada")
        creation = Creation(iswc='t0345246801')
        creation.on_change_iswc()
        self.assertEqual(creation.iswc, 'T-034.524.680-1')
        create_creation("One", ada, iswc='T-034.524.680-1')
        with self.assertRaises(IdentifierError):
            create_creation("Two", ada, iswc='T-034.524.680-2')
        with self.assertRaises(SQLConstraintError):
            create_creation("Three", ada, iswc='T-034.524.680-1')

    @with_transaction()
    def test_share_sum(self):
        "Test that shares do not exceed 100 %"
        ada, bob = create_artist("Ada"), create_artist("Bob")
        creation = create_creation("One", ada, share=Decimal('60'))
        lyricist = create(
            'contribution', creation=creation.id, artist=bob.id,
            role=get_role('lyricist').id)
        self.assertFalse(creation.complete)
        create(
            'right', contribution=lyricist.id, kind='performing',
            share=Decimal('40'))
        self.assertTrue(get('creation')(creation.id).complete)
        # Other kinds and territories are shared on their own
        create(
            'right', contribution=lyricist.id, kind='mechanical',
            share=Decimal('100'))
        country, = Pool().get('country.country').create([{
                    'name': "Elbonia", 'code': 'EB'}])
        create(
            'right', contribution=lyricist.id, kind='performing',
            share=Decimal('100'), territory=country.id)
        with self.assertRaises(ShareError):
            create(
                'right', contribution=lyricist.id, kind='performing',
                share=Decimal('0.01'))

    @with_transaction()
    def test_share_period(self):
        "Test that shares are summed up for each point of time"
        ada = create_artist("Ada")
        creation = create_creation("One", ada, share=Decimal(50))
        contribution, = creation.contributions
        for valid_from, valid_to in [
                (None, TODAY - DAY), (TODAY, TODAY), (TODAY + DAY, None)]:
            create(
                'right', contribution=contribution.id, kind='performing',
                share=Decimal(50), valid_from=valid_from, valid_to=valid_to)
        self.assertEqual(
            creation.shares(TODAY), {('performing', None): Decimal(100)})
        with self.assertRaises(ShareError):
            create(
                'right', contribution=contribution.id, kind='performing',
                share=Decimal(1), valid_from=TODAY)
        with self.assertRaises(DomainValidationError):
            create(
                'right', contribution=contribution.id, kind='mechanical',
                share=Decimal(1), valid_from=TODAY, valid_to=TODAY - DAY)

    @with_transaction()
    def test_rights_of_authors_only(self):
        "Test that performers have no rights of the creation"
        ada = create_artist("Ada")
        creation = create_creation("One", ada, share=Decimal(50))
        performer = create(
            'contribution', creation=creation.id, artist=ada.id,
            role=get_role('performer').id)
        with self.assertRaises(ShareError):
            create(
                'right', contribution=performer.id, kind='performing',
                share=Decimal(50))

    @with_transaction()
    def test_right_society(self):
        "Test that societies represent their kinds of rights only"
        society = create('society', name="Stage", performing=True)
        creation = create_creation("One", create_artist("Ada"))
        contribution, = creation.contributions
        with self.assertRaises(ShareError):
            create(
                'right', contribution=contribution.id, kind='mechanical',
                share=Decimal(50), society=society.id)

    @with_transaction()
    def test_creation_workflow(self):
        "Test registration of creations"
        Creation = get('creation')
        ada = create_artist("Ada")
        creation = create_creation("One", ada, share=Decimal(99))
        with self.assertRaises(RegistrationError):
            Creation.submit([creation])
        right, = creation.rights
        right.share = Decimal(100)
        right.save()
        enrol(creation)
        self.assertEqual(creation.state, 'registered')
        with self.assertRaises(RegistrationError):
            Creation.delete([creation])
        Creation.withdraw([creation])
        self.assertEqual(creation.state, 'withdrawn')

    @with_transaction()
    def test_creation_without_author(self):
        "Test creation without author"
        Creation = get('creation')
        creation = create(
            'creation', title="Silence", artist=create_artist("Ada").id)
        with self.assertRaises(RegistrationError):
            Creation.submit([creation])
        Creation.delete([creation])

    @with_transaction()
    def test_derivation_cycle(self):
        "Test that creations do not derive from themselves"
        ada = create_artist("Ada")
        one, two, three = [create_creation(t, ada) for t in "123"]
        for original, derivative in [(one, two), (two, three)]:
            create(
                'derivation', original=original.id, kind='remix',
                derivative=derivative.id)
        with self.assertRaises(DerivationError):
            create(
                'derivation', original=three.id, kind='cover',
                derivative=one.id)

    @with_transaction()
    def test_licence_permits(self):
        "Test compatibility of licences"
        free = create_licence('free', 100, True, True, False)
        alike = create_licence('alike', 80, True, True, True)
        private = create_licence('private', 60, False, True, False)
        closed = create_licence('closed', 0, False, False, False)
        licences = [free, alike, private, closed]
        expected = {
            free: [True, True, True, True],
            alike: [False, True, False, False],
            private: [False, False, True, True],
            closed: [False, False, False, False],
            }
        for original, permitted in expected.items():
            with self.subTest(original=original.code):
                self.assertEqual(
                    [original.permits(d) for d in licences], permitted)

    @with_transaction()
    def test_licence_of_derivative(self):
        "Test licence of derivatives"
        Creation = get('creation')
        ada, bob = create_artist("Ada"), create_artist("Bob")
        alike = create_licence('alike', 80, True, True, True)
        closed = create_licence('closed', 0, False, False, False)
        original = create_creation(
            "One", ada, licences=[('create', [{'licence': alike.id}])])
        remix = create_creation(
            "Two", bob, licences=[('create', [{'licence': closed.id}])],
            originals=[('create', [
                        {'original': original.id, 'kind': 'remix'}])])
        with self.assertRaises(LicenceError):
            Creation.submit([remix])
        derivation, = remix.originals
        derivation.permission = True
        derivation.save()
        enrol(original, remix)

    @with_transaction()
    def test_licence_for_territory(self):
        "Test choice of the freest licence"
        country, = Pool().get('country.country').create([{
                    'name': "Elbonia", 'code': 'EB'}])
        free = create_licence('free', 100, True, True, False)
        closed = create_licence('closed', 0, False, False, False)
        creation = create_creation(
            "One", create_artist("Ada"), licences=[('create', [
                        {'licence': closed.id},
                        {'licence': free.id, 'territory': country.id,
                            'valid_to': TODAY},
                        ])])
        self.assertEqual(creation.licence_for(None, TODAY), closed)
        self.assertEqual(creation.licence_for(country, TODAY), free)
        self.assertEqual(creation.licence_for(country, TODAY + DAY), closed)

    # Releases

    def create_release(self, creation, **values):
        return create(
            'release', title="First", artist=creation.artist.id,
            tracks=[('create', [{
                            'creation': creation.id,
                            'title': creation.title,
                            'artist': creation.artist.id,
                            'isrc': 'DE-X9Z-26-00001',
                            'duration': dt.timedelta(minutes=3),
                            }] * 2)],
            **values)

    @with_transaction()
    def test_release_workflow(self):
        "Test publication of releases"
        Release = get('release')
        creation = create_creation("One", create_artist("Ada"))
        release = self.create_release(
            creation, release_date=TODAY + DAY, gtin='4006381333931')
        self.assertEqual(release.duration, dt.timedelta(minutes=6))
        Release.announce([release])
        with self.assertRaises(PublicationError):
            Release.publish([release])
        release.release_date = TODAY
        release.save()
        with self.assertRaises(PublicationError):
            Release.publish([release])
        enrol(creation)
        Release.publish([release])
        Release.withdraw([release])
        self.assertEqual(release.withdrawal_date, TODAY)

    @with_transaction()
    def test_release_empty(self):
        "Test that a release needs tracks"
        Release = get('release')
        release = create(
            'release', title="Void", artist=create_artist("Ada").id)
        with self.assertRaises(PublicationError):
            Release.announce([release])

    @with_transaction()
    def test_release_identifiers(self):
        "Test GTIN, ISRC and catalogue number"
        creation = create_creation("One", create_artist("Ada"))
        with self.assertRaises(IdentifierError):
            self.create_release(creation, gtin='4006381333932')
        release = self.create_release(creation)
        track = release.tracks[0]
        track.isrc = 'DE-X9Z-26-1'
        with self.assertRaises(IdentifierError):
            track.save()

    @with_transaction()
    def test_catalogue_number(self):
        "Test that catalogue numbers are unique for a label"
        creation = create_creation("One", create_artist("Ada"))
        label = create('label', name="Room", label_code='12345')
        self.create_release(
            creation, label=label.id, catalogue_number='R 001')
        with self.assertRaises(SQLConstraintError):
            self.create_release(
                creation, label=label.id, catalogue_number='R 001')

    @with_transaction()
    def test_track_medium(self):
        "Test that tracks are on a medium of their release"
        creation = create_creation("One", create_artist("Ada"))
        first, second = [self.create_release(creation) for _ in "12"]
        medium = create(
            'medium', release=first.id, number=1, format='vinyl')
        track = second.tracks[0]
        track.medium = medium
        with self.assertRaises(DomainValidationError):
            track.save()

    @with_transaction()
    def test_withdraw_released_creation(self):
        "Test warning of the withdrawal of a released creation"
        Creation = get('creation')
        creation = create_creation("One", create_artist("Ada"))
        self.create_release(creation)
        enrol(creation)
        with self.assertRaises(WithdrawWarning):
            Creation.withdraw([Creation(creation.id)])

    # Access

    @with_transaction()
    def test_member_access(self):
        "Test that members read registered creations and nothing else"
        pool = Pool()
        Creation = get('creation')
        Group = pool.get('res.group')
        ModelData = pool.get('ir.model.data')
        User = pool.get('res.user')
        ada = create_artist("Ada")
        draft, registered = [create_creation(t, ada) for t in "12"]
        enrol(registered)
        group = Group(ModelData.get_id('collecting_society', 'group_member'))
        user, = User.create([{
                    'name': "Member", 'login': 'member',
                    'groups': [('add', [group.id])]}])
        with Transaction().set_user(user.id), \
                Transaction().set_context(_check_access=True):
            self.assertEqual(Creation.search([]), [registered])
            with self.assertRaises(AccessError):
                Creation.read([draft.id], ['title'])
            with self.assertRaises(AccessError):
                Creation.write([Creation(registered.id)], {'title': "Mine"})
            with self.assertRaises(AccessError):
                get('declaration').search([])

    # Languages

    def load_german(self):
        pool = Pool()
        Lang = pool.get('ir.lang')
        Translation = pool.get('ir.translation')
        german, = Lang.search([('code', '=', 'de')])
        german.translatable = True
        german.save()
        path = pathlib.Path(
            collecting_society.__file__).parent / 'locale' / 'de.po'
        Translation.translation_import(
            'de', 'collecting_society', [str(path)])

    @with_transaction()
    def test_german(self):
        "Test German labels, messages and records"
        self.load_german()
        Creation = get('creation')
        Model = Pool().get('ir.model')
        message = 'collecting_society.msg_release_tracks'
        for language, title, label, role, text in [
                ('en', "Creation", "Contributions", "Composer",
                    'The release "R" has no tracks.'),
                ('de', "Werk", "Beiträge", "Komponist",
                    'Die Veröffentlichung "R" hat keine Titel.')]:
            with self.subTest(language=language), \
                    Transaction().set_context(language=language):
                self.assertEqual(Model.get_name(Creation.__name__), title)
                self.assertEqual(
                    Creation.fields_get(['contributions'])
                    ['contributions']['string'], label)
                self.assertEqual(get_role('composer').name, role)
                self.assertEqual(gettext(message, release="R"), text)


del ModuleTestCase
