# SPDX-License-Identifier: GPL-3.0-or-later
"Records for the unit tests, to be made inside a transaction"
import datetime as dt
import unittest
from decimal import Decimal

from trytond.modules.account.tests import create_chart, get_fiscalyear
from trytond.modules.account_invoice.tests import set_invoice_sequences
from trytond.modules.company.tests import create_company
from trytond.pool import Pool
from trytond.tests.test_tryton import activate_module, drop_db
from trytond.transaction import Transaction

PREFIX = 'collecting_society.'


class DatabaseTestCase(unittest.TestCase):
    "A test case with the module activated, without the standard tests"

    @classmethod
    def setUpClass(cls):
        drop_db()
        activate_module('collecting_society')
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        drop_db()


def get(name):
    return Pool().get(PREFIX + name)


def create(model, /, **values):
    record, = get(model).create([values])
    return record


def create_party(name, /, **values):
    Party = Pool().get('party.party')
    party, = Party.create([{
                'name': name,
                'addresses': [('create', [{'city': "Düsseldorf"}])],
                **values,
                }])
    return party


def create_artist(name, /, **values):
    values.setdefault('party', create_party(name).id)
    return create('artist', name=name, **values)


def create_group(name, *members):
    return create(
        'artist', name=name, group=True,
        members=[('create', [{'member': m.id} for m in members])])


def get_role(code):
    role, = get('contribution.role').search([('code', '=', code)])
    return role


def create_creation(title, artist, share=Decimal(100), **values):
    "Return a draft with one composer"
    return create(
        'creation', title=title, artist=artist.id,
        contributions=[('create', [{
                        'artist': artist.id,
                        'role': get_role('composer').id,
                        'rights': [('create', [{
                                        'kind': 'performing',
                                        'share': share,
                                        }])],
                        }])],
        **values)


def enrol(*creations):
    Creation = get('creation')
    Creation.submit(creations)
    Creation.enrol(creations)


def create_licence(code, rank, commercial, derivatives, share_alike):
    return create(
        'licence', name=code, code=code, freedom_rank=rank,
        commercial=commercial, derivatives=derivatives,
        share_alike=share_alike)


def create_accounting():
    "Return a company with chart of accounts and this year's fiscal year"
    pool = Pool()
    User = pool.get('res.user')
    company = create_company()
    User.write([User(Transaction().user)], {
            'companies': [('add', [company.id])],
            'company': company.id,
            })
    with Transaction().set_context(company=company.id, companies=[company.id]):
        create_chart(company)
        set_invoice_sequences(get_fiscalyear(company)).save()
    return company


def create_product(company):
    pool = Pool()
    Account = pool.get('account.account')
    Category = pool.get('product.category')
    Template = pool.get('product.template')
    Uom = pool.get('product.uom')
    unit, = Uom.search([('name', '=', "Unit")])
    revenue, = Account.search([
            ('closed', '!=', True),
            ('type.revenue', '=', True),
            ('company', '=', company.id),
            ], limit=1)
    category = Category(
        name="Tariffs", accounting=True, account_revenue=revenue)
    category.save()
    template = Template(
        name="Licence Fee", type='service', default_uom=unit,
        list_price=Decimal(0), tariff_service=True,
        account_category=category, products=[{}])
    template.save()
    product, = template.products
    return product


def create_tariff(currency, product=None, **values):
    "Return the tariff of live events in the system of this year"
    category = create(
        'tariff.category', name="Live", code='L', subject='event',
        product=product.id if product else None)
    system = create(
        'tariff.system', version='1.0', currency=currency.id,
        valid_from=dt.date.today().replace(month=1, day=1))
    values.setdefault('formula', 'attendance * rate * share')
    values.setdefault('minimum', Decimal(20))
    return create(
        'tariff', system=system.id, category=category.id,
        measure='attendance',
        brackets=[('create', [
                    {'from_value': Decimal(0), 'rate': Decimal('0.50')},
                    {'from_value': Decimal(100), 'rate': Decimal('0.40')},
                    ])],
        **values)


def create_event(name="Night of Drones", **values):
    category, = get('location.category').search(
        [('code', '=', 'club')]) or [
        create('location.category', name="Club", code='club')]
    location = create(
        'location', name="Cellar", category=category.id,
        spaces=[('create', [{'name': "Hall", 'area': Decimal(120)}])])
    start = dt.datetime.combine(dt.date.today(), dt.time(20))
    return create(
        'event', name=name, location=location.id, start=start,
        end=start + dt.timedelta(hours=3), **values)


def create_declaration(company, category, *events, **values):
    party = values.pop('party', None) or create_party("Club Inc.")
    today = dt.date.today()
    return create(
        'declaration', company=company.id, party=party.id,
        start_date=today, end_date=today,
        utilisations=[('create', [{
                        'category': category.id,
                        'subject': str(event),
                        'attendance': event.attendance,
                        } for event in events])],
        **values)
