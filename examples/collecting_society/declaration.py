# SPDX-License-Identifier: GPL-3.0-or-later
from collections import defaultdict
from decimal import Decimal

from trytond.i18n import gettext
from trytond.model import ModelSQL, ModelView, Unique, Workflow, fields
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool
from trytond.pyson import Bool, Eval, If
from trytond.transaction import Transaction

from .exceptions import DeclarationError, TariffError
from .mixin import NumberedMixin

SUBJECTS = ['event', 'location', 'release', 'website']


class Declaration(NumberedMixin, Workflow, ModelSQL, ModelView):
    "Declaration"
    __name__ = 'collecting_society.declaration'
    _rec_name = 'code'
    _code_sequence = 'declaration_sequence'

    _states = {
        'readonly': Eval('state') != 'draft',
        }

    company = fields.Many2One(
        'company.company', "Company", required=True,
        states={
            'readonly': _states['readonly'] | Bool(Eval('utilisations')),
            })
    party = fields.Many2One(
        'party.party', "Licensee", required=True, ondelete='RESTRICT',
        states=_states,
        context={
            'company': Eval('company', -1),
            },
        depends={'company'})
    web_user = fields.Many2One(
        'web.user', "Web User", ondelete='SET NULL', readonly=True,
        help="The user of the portal who made the declaration.")
    currency = fields.Function(
        fields.Many2One('currency.currency', "Currency"),
        'on_change_with_currency')
    start_date = fields.Date(
        "Start Date", required=True, states=_states,
        domain=[
            If(Bool(Eval('end_date')),
                ('start_date', '<=', Eval('end_date')),
                ()),
            ])
    end_date = fields.Date(
        "End Date", required=True, states=_states,
        domain=[
            If(Bool(Eval('start_date')),
                ('end_date', '>=', Eval('start_date')),
                ()),
            ])
    utilisations = fields.One2Many(
        'collecting_society.utilisation', 'declaration', "Utilisations",
        states={
            'readonly': ~Eval('state').in_(['draft', 'submitted']),
            })
    amount = fields.Function(
        Monetary("Amount", currency='currency', digits='currency'),
        'get_amount')
    invoice = fields.Many2One(
        'account.invoice', "Invoice", readonly=True, ondelete='SET NULL')
    note = fields.Text("Note")
    state = fields.Selection([
            ('draft', "Draft"),
            ('submitted', "Submitted"),
            ('accepted', "Accepted"),
            ('invoiced', "Invoiced"),
            ('rejected', "Rejected"),
            ('cancelled', "Cancelled"),
            ], "State", required=True, readonly=True, sort=False)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order.insert(0, ('start_date', 'DESC'))
        cls._transitions |= {
            ('draft', 'submitted'),
            ('draft', 'cancelled'),
            ('submitted', 'draft'),
            ('submitted', 'accepted'),
            ('submitted', 'rejected'),
            ('accepted', 'invoiced'),
            ('rejected', 'draft'),
            ('cancelled', 'draft'),
            }
        cls._buttons.update({
                'submit': {
                    'invisible': Eval('state') != 'draft',
                    'depends': ['state'],
                    },
                'reopen': {
                    'invisible': ~Eval('state').in_(
                        ['submitted', 'rejected', 'cancelled']),
                    'depends': ['state'],
                    },
                'accept': {
                    'invisible': Eval('state') != 'submitted',
                    'depends': ['state'],
                    },
                'reject': {
                    'invisible': Eval('state') != 'submitted',
                    'depends': ['state'],
                    },
                'charge': {
                    'invisible': Eval('state') != 'accepted',
                    'depends': ['state'],
                    },
                'cancel': {
                    'invisible': Eval('state') != 'draft',
                    'depends': ['state'],
                    },
                })

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_state(cls):
        return 'draft'

    @fields.depends('company')
    def on_change_with_currency(self, name=None):
        return self.company.currency.id if self.company else None

    def get_amount(self, name):
        return sum((u.amount or Decimal(0) for u in self.utilisations),
            Decimal(0))

    @classmethod
    def copy(cls, declarations, default=None):
        default = dict(default or {})
        default.setdefault('state', 'draft')
        default.setdefault('invoice', None)
        return super().copy(declarations, default=default)

    @classmethod
    def delete(cls, declarations):
        for declaration in declarations:
            if declaration.state not in {'draft', 'cancelled'}:
                raise DeclarationError(gettext(
                        'collecting_society.msg_declaration_delete',
                        declaration=declaration.rec_name))
        super().delete(declarations)

    @classmethod
    @ModelView.button
    @Workflow.transition('submitted')
    def submit(cls, declarations):
        Utilisation = Pool().get('collecting_society.utilisation')
        for declaration in declarations:
            if not declaration.utilisations:
                raise DeclarationError(gettext(
                        'collecting_society.msg_declaration_empty',
                        declaration=declaration.rec_name))
        Utilisation.estimate([
                u for d in declarations for u in d.utilisations
                if u.state == 'planned'])

    @classmethod
    @ModelView.button
    @Workflow.transition('draft')
    def reopen(cls, declarations):
        pass

    @classmethod
    @ModelView.button
    @Workflow.transition('accepted')
    def accept(cls, declarations):
        for declaration in declarations:
            for utilisation in declaration.utilisations:
                if utilisation.state not in {'confirmed', 'cancelled'}:
                    raise DeclarationError(gettext(
                            'collecting_society.msg_utilisation_open',
                            declaration=declaration.rec_name,
                            utilisation=utilisation.rec_name))

    @classmethod
    @ModelView.button
    @Workflow.transition('rejected')
    def reject(cls, declarations):
        pass

    @classmethod
    @ModelView.button
    @Workflow.transition('cancelled')
    def cancel(cls, declarations):
        pass

    @classmethod
    @ModelView.button
    @Workflow.transition('invoiced')
    def charge(cls, declarations):
        "Make one draft invoice of the declarations of a licensee"
        pool = Pool()
        Invoice = pool.get('account.invoice')
        Utilisation = pool.get('collecting_society.utilisation')
        groups = defaultdict(list)
        for declaration in declarations:
            groups[declaration.company, declaration.party].append(declaration)
        for (company, party), group in groups.items():
            with Transaction().set_context(company=company.id):
                utilisations = [
                    u for d in group for u in d.utilisations
                    if u.state == 'confirmed']
                invoice = cls._get_invoice(company, party)
                invoice.lines = [
                    u.get_invoice_line(invoice) for u in utilisations]
                invoice.save()
                Invoice.update_taxes([invoice])
                cls.write(group, {'invoice': invoice.id})
                Utilisation.settle(utilisations)

    @classmethod
    def _get_invoice(cls, company, party):
        Invoice = Pool().get('account.invoice')
        invoice = Invoice(
            company=company, type='out', party=party,
            currency=company.currency)
        invoice.on_change_type()
        invoice.on_change_party()
        return invoice


class Utilisation(Workflow, ModelSQL, ModelView):
    "Utilisation"
    __name__ = 'collecting_society.utilisation'

    _states = {
        'readonly': ~Eval('state').in_(['planned', 'estimated']),
        }

    declaration = fields.Many2One(
        'collecting_society.declaration', "Declaration", required=True,
        ondelete='CASCADE', states=_states)
    category = fields.Many2One(
        'collecting_society.tariff.category', "Tariff Category",
        required=True, ondelete='RESTRICT', states=_states)
    subject = fields.Reference(
        "Subject", selection='get_subjects', required=True, states=_states,
        help="Where or by what creations are used.")
    currency = fields.Function(
        fields.Many2One('currency.currency', "Currency"),
        'on_change_with_currency')
    turnover = Monetary(
        "Turnover", currency='currency', digits='currency', states=_states,
        domain=['OR', ('turnover', '=', None), ('turnover', '>=', 0)])
    attendance = fields.Integer(
        "Attendance", states=_states,
        domain=['OR', ('attendance', '=', None), ('attendance', '>=', 0)])
    area = fields.Numeric(
        "Area", digits=(16, 2), states=_states,
        domain=['OR', ('area', '=', None), ('area', '>=', 0)],
        help="In square metres.")
    hours = fields.Numeric(
        "Hours", digits=(16, 2), states=_states,
        domain=['OR', ('hours', '=', None), ('hours', '>=', 0)])
    copies = fields.Integer(
        "Copies", states=_states,
        domain=['OR', ('copies', '=', None), ('copies', '>=', 0)])
    share = fields.Numeric(
        "Share", digits=(1, 4), required=True, states=_states,
        domain=[('share', '>=', 0), ('share', '<=', 1)],
        help="The part of the repertoire that the society represents.")
    adjustments = fields.One2Many(
        'collecting_society.utilisation.adjustment', 'utilisation',
        "Adjustments", states=_states)
    tariff = fields.Many2One(
        'collecting_society.tariff', "Tariff", readonly=True,
        ondelete='RESTRICT')
    base_amount = Monetary(
        "Base Amount", currency='currency', digits='currency', readonly=True)
    amount = Monetary(
        "Amount", currency='currency', digits='currency', readonly=True)
    invoice_lines = fields.One2Many(
        'account.invoice.line', 'origin', "Invoice Lines", readonly=True)
    state = fields.Selection([
            ('planned', "Planned"),
            ('estimated', "Estimated"),
            ('confirmed', "Confirmed"),
            ('invoiced', "Invoiced"),
            ('cancelled', "Cancelled"),
            ], "State", required=True, readonly=True, sort=False)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.__access__.add('declaration')
        cls._transitions |= {
            ('planned', 'estimated'),
            ('estimated', 'estimated'),
            ('estimated', 'confirmed'),
            ('planned', 'cancelled'),
            ('estimated', 'cancelled'),
            ('confirmed', 'estimated'),
            ('confirmed', 'invoiced'),
            }
        cls._buttons.update({
                'estimate': {
                    'invisible': ~Eval('state').in_(
                        ['planned', 'estimated', 'confirmed']),
                    'depends': ['state'],
                    },
                'confirm': {
                    'invisible': Eval('state') != 'estimated',
                    'depends': ['state'],
                    },
                'cancel': {
                    'invisible': ~Eval('state').in_(
                        ['planned', 'estimated']),
                    'depends': ['state'],
                    },
                })

    @classmethod
    def default_share(cls):
        return Decimal(1)

    @classmethod
    def default_state(cls):
        return 'planned'

    @classmethod
    def get_subjects(cls):
        Model = Pool().get('ir.model')
        names = [f'collecting_society.{name}' for name in SUBJECTS]
        return [(None, '')] + [(n, Model.get_name(n)) for n in names]

    @fields.depends('declaration', '_parent_declaration.company')
    def on_change_with_currency(self, name=None):
        if self.declaration and self.declaration.company:
            return self.declaration.company.currency.id

    @fields.depends(
        'subject', 'turnover', 'attendance', 'area', 'hours', 'share')
    def on_change_subject(self):
        "Take over what is known of the event or location"
        pool = Pool()
        Event = pool.get('collecting_society.event')
        Location = pool.get('collecting_society.location')
        subject = self.subject
        if isinstance(subject, Event) and subject.id >= 0:
            self.turnover = self.turnover or subject.turnover
            self.attendance = self.attendance or subject.attendance
            self.hours = self.hours or subject.hours
            self.area = self.area or subject.location.area
            self.share = subject.share
        elif isinstance(subject, Location) and subject.id >= 0:
            self.area = self.area or subject.area

    def get_rec_name(self, name):
        return f'{self.declaration.rec_name}, {self.subject.rec_name}'

    @classmethod
    def copy(cls, utilisations, default=None):
        default = dict(default or {})
        for name, value in [
                ('state', 'planned'), ('tariff', None),
                ('base_amount', None), ('amount', None),
                ('invoice_lines', None)]:
            default.setdefault(name, value)
        return super().copy(utilisations, default=default)

    @classmethod
    def validate(cls, utilisations):
        super().validate(utilisations)
        for utilisation in utilisations:
            model = f'collecting_society.{utilisation.category.subject}'
            if utilisation.subject.__name__ != model:
                raise DeclarationError(gettext(
                        'collecting_society.msg_utilisation_subject',
                        category=utilisation.category.rec_name,
                        subject=utilisation.subject.rec_name))

    @property
    def values(self):
        return {
            'turnover': self.turnover,
            'attendance': self.attendance,
            'area': self.area,
            'hours': self.hours,
            'copies': self.copies,
            'share': self.share,
            }

    def compute(self):
        "Set tariff and amounts from the measured values"
        Tariff = Pool().get('collecting_society.tariff')
        self.tariff = Tariff.find(
            self.category, self.declaration.start_date)
        self.base_amount = self.tariff.compute(self.values)
        amount = self.base_amount + sum(
            a.adjustment.apply(self.base_amount, a.value)
            for a in self.adjustments)
        self.amount = self.currency.round(max(amount, Decimal(0)))

    @classmethod
    @ModelView.button
    @Workflow.transition('estimated')
    def estimate(cls, utilisations):
        for utilisation in utilisations:
            utilisation.compute()
        cls.save(utilisations)

    @classmethod
    @ModelView.button
    @Workflow.transition('confirmed')
    def confirm(cls, utilisations):
        for utilisation in utilisations:
            if getattr(utilisation, utilisation.tariff.measure) is None:
                raise TariffError(gettext(
                        'collecting_society.msg_utilisation_measure',
                        utilisation=utilisation.rec_name,
                        measure=utilisation.tariff.measure))
            utilisation.compute()
        cls.save(utilisations)

    @classmethod
    @Workflow.transition('invoiced')
    def settle(cls, utilisations):
        pass

    @classmethod
    @ModelView.button
    @Workflow.transition('cancelled')
    def cancel(cls, utilisations):
        cls.write(utilisations, {'amount': None})

    def get_invoice_line(self, invoice):
        InvoiceLine = Pool().get('account.invoice.line')
        product = self.category.product
        if not product:
            raise TariffError(gettext(
                    'collecting_society.msg_tariff_product',
                    category=self.category.rec_name))
        line = InvoiceLine(
            type='line', invoice_type=invoice.type, party=invoice.party,
            company=invoice.company, currency=invoice.currency,
            product=product, quantity=1)
        line.on_change_product()
        line.party = None
        line.unit_price = self.amount
        line.description = self.rec_name
        line.origin = self
        return line


class UtilisationAdjustment(ModelSQL, ModelView):
    "Utilisation Adjustment"
    __name__ = 'collecting_society.utilisation.adjustment'

    utilisation = fields.Many2One(
        'collecting_society.utilisation', "Utilisation", required=True,
        ondelete='CASCADE')
    adjustment = fields.Many2One(
        'collecting_society.adjustment', "Adjustment", required=True,
        ondelete='RESTRICT')
    value = fields.Numeric("Value", digits=(16, 2), required=True)
    reason = fields.Char("Reason")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        table = cls.__table__()
        cls._sql_constraints += [
            ('adjustment_unique',
                Unique(table, table.utilisation, table.adjustment),
                'collecting_society.msg_adjustment_unique'),
            ]
        cls.__access__.add('utilisation')

    def get_rec_name(self, name):
        return f'{self.adjustment.rec_name}: {self.value}'

    @classmethod
    def validate(cls, adjustments):
        super().validate(adjustments)
        for record in adjustments:
            adjustment = record.adjustment
            if not (adjustment.minimum <= record.value <= adjustment.maximum):
                raise TariffError(gettext(
                        'collecting_society.msg_adjustment_range',
                        adjustment=adjustment.rec_name,
                        minimum=adjustment.minimum,
                        maximum=adjustment.maximum))
