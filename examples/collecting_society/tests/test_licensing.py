# SPDX-License-Identifier: GPL-3.0-or-later
import datetime as dt
from decimal import Decimal

from trytond.model.exceptions import DomainValidationError
from trytond.modules.collecting_society.exceptions import (
    DeclarationError,
    FormulaError,
    TariffError,
)
from trytond.modules.currency.tests import create_currency
from trytond.pool import Pool
from trytond.tests.test_tryton import with_transaction
from trytond.transaction import Transaction

from .records import (
    DatabaseTestCase,
    create,
    create_accounting,
    create_artist,
    create_creation,
    create_declaration,
    create_event,
    create_party,
    create_product,
    create_tariff,
    enrol,
    get,
)


class LicensingTestCase(DatabaseTestCase):
    "Test tariffs, declarations and their invoices"

    @with_transaction()
    def test_tariff(self):
        "Test brackets, minimum and rounding of tariffs"
        tariff = create_tariff(create_currency('eur'))
        for attendance, share, amount in [
                (99, '1', '49.50'),
                (100, '1', '40.00'),
                (101, '0.3333', '20.00'),
                (333, '0.3333', '44.40'),
                (None, '1', '20.00'),
                ]:
            with self.subTest(attendance=attendance, share=share):
                self.assertEqual(
                    tariff.compute({
                            'attendance': attendance,
                            'share': Decimal(share)}),
                    Decimal(amount))

    @with_transaction()
    def test_tariff_formula(self):
        "Test invalid formulas"
        tariff = create_tariff(create_currency('eur'))
        for text in ['attendance *', 'guests * rate', 'attendance / (1 - 1)']:
            with self.subTest(formula=text):
                with self.assertRaises(FormulaError):
                    get('tariff').write([tariff], {'formula': text})

    @with_transaction()
    def test_tariff_system(self):
        "Test choice of the tariff system"
        System = get('tariff.system')
        currency = create_currency('eur')
        old, new = System.create([{
                    'version': '1.0', 'currency': currency.id,
                    'valid_to': dt.date(2023, 12, 31),
                    }, {
                    'version': '2.0', 'currency': currency.id,
                    'valid_from': dt.date(2025, 1, 1),
                    }])
        self.assertEqual(System.find(dt.date(2023, 12, 31)), old)
        self.assertEqual(System.find(dt.date(2025, 1, 1)), new)
        with self.assertRaises(TariffError):
            System.find(dt.date(2024, 6, 1))

    @with_transaction()
    def test_event(self):
        "Test hours and represented share of events"
        ada = create_artist("Ada")
        ours, other = [create_creation(t, ada) for t in "12"]
        enrol(ours)
        event = create_event()
        self.assertEqual(event.hours, Decimal('3.00'))
        self.assertEqual(event.share, Decimal(1))
        create(
            'performance', event=event.id, artist=ada.id,
            items=[('create', [
                        {'creation': ours.id, 'title': "1"},
                        {'creation': other.id, 'title': "2"},
                        {'title': "3"},
                        ])])
        self.assertEqual(get('event')(event.id).share, Decimal('0.3333'))
        self.assertEqual(event.location.area, Decimal(120))

    @with_transaction()
    def test_event_period(self):
        "Test that events end after their start"
        event = create_event()
        event.end = event.start
        with self.assertRaises(DomainValidationError):
            event.save()

    @with_transaction()
    def test_utilisation_subject(self):
        "Test that the subject suits the category"
        Utilisation = get('utilisation')
        company = create_accounting()
        tariff = create_tariff(company.currency)
        event = create_event(attendance=80)
        utilisation = Utilisation(subject=event, share=Decimal(1))
        utilisation.on_change_subject()
        self.assertEqual(utilisation.attendance, 80)
        self.assertEqual(utilisation.area, Decimal(120))
        declaration = create_declaration(company, tariff.category, event)
        with self.assertRaises(DeclarationError):
            Utilisation.write(
                list(declaration.utilisations),
                {'subject': str(event.location)})

    @with_transaction()
    def test_adjustments(self):
        "Test adjustments of a utilisation"
        Declaration = get('declaration')
        company = create_accounting()
        tariff = create_tariff(company.currency)
        benefit = create(
            'adjustment', name="Benefit", code='B', operation='percentage',
            minimum=Decimal(-50), maximum=Decimal(0))
        fee = create(
            'adjustment', name="Late", code='F', operation='amount',
            minimum=Decimal(0), maximum=Decimal(30))
        declaration = create_declaration(
            company, tariff.category, create_event(attendance=200))
        utilisation, = declaration.utilisations
        for adjustment, value in [(benefit, -25), (fee, 15)]:
            create(
                'utilisation.adjustment', utilisation=utilisation.id,
                adjustment=adjustment.id, value=Decimal(value))
        Declaration.submit([declaration])
        self.assertEqual(utilisation.base_amount, Decimal('80.00'))
        self.assertEqual(utilisation.amount, Decimal('75.00'))
        with self.assertRaises(TariffError):
            get('utilisation.adjustment').write(
                [utilisation.adjustments[0]], {'value': Decimal(-51)})

    @with_transaction()
    def test_declaration_workflow(self):
        "Test acceptance of declarations"
        Declaration = get('declaration')
        Utilisation = get('utilisation')
        company = create_accounting()
        tariff = create_tariff(company.currency)
        empty = create_declaration(company, tariff.category)
        with self.assertRaises(DeclarationError):
            Declaration.submit([empty])
        declaration = create_declaration(
            company, tariff.category,
            create_event(attendance=50), create_event())
        Declaration.submit([declaration])
        first, second = declaration.utilisations
        self.assertEqual(
            [u.amount for u in (first, second)],
            [Decimal('25.00'), Decimal('20.00')])
        Utilisation.confirm([first])
        with self.assertRaises(TariffError):
            Utilisation.confirm([second])
        with self.assertRaises(DeclarationError):
            Declaration.accept([declaration])
        Utilisation.cancel([second])
        Declaration.accept([declaration])
        self.assertEqual(declaration.amount, Decimal('25.00'))
        with self.assertRaises(DeclarationError):
            Declaration.delete([declaration])

    @with_transaction()
    def test_invoice(self):
        "Test invoice of two declarations of one licensee"
        pool = Pool()
        Declaration = get('declaration')
        Utilisation = get('utilisation')
        Invoice = pool.get('account.invoice')
        company = create_accounting()
        with Transaction().set_context(
                company=company.id, companies=[company.id]):
            tariff = create_tariff(
                company.currency, create_product(company))
            party = create_party("Club Inc.")
            declarations = [
                create_declaration(
                    company, tariff.category, create_event(attendance=n),
                    party=party)
                for n in (50, 300)]
            Declaration.submit(declarations)
            Utilisation.confirm(
                [u for d in declarations for u in d.utilisations])
            Declaration.accept(declarations)
            Declaration.charge(declarations)
            self.assertEqual(
                {d.state for d in declarations}, {'invoiced'})
            invoice, = Invoice.search([])
            self.assertEqual(invoice.party, party)
            self.assertEqual(
                sorted(line.amount for line in invoice.lines),
                [Decimal('25.00'), Decimal('120.00')])
            self.assertEqual(invoice.total_amount, Decimal('145.00'))
            self.assertEqual(set(invoice.declarations), set(declarations))
            self.assertEqual(
                {line.origin_name for line in invoice.lines},
                {d.code for d in declarations})

    @with_transaction()
    def test_invoice_without_product(self):
        "Test invoice without product"
        Declaration = get('declaration')
        company = create_accounting()
        with Transaction().set_context(
                company=company.id, companies=[company.id]):
            tariff = create_tariff(company.currency)
            declaration = create_declaration(
                company, tariff.category, create_event(attendance=50))
            Declaration.submit([declaration])
            get('utilisation').confirm(list(declaration.utilisations))
            Declaration.accept([declaration])
            with self.assertRaises(TariffError):
                Declaration.charge([declaration])
