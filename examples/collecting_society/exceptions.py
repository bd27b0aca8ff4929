# SPDX-License-Identifier: GPL-3.0-or-later
from trytond.exceptions import UserError, UserWarning
from trytond.model.exceptions import ValidationError


class IdentifierError(ValidationError):
    pass


class MembershipError(ValidationError):
    pass


class ShareError(ValidationError):
    pass


class DerivationError(ValidationError):
    pass


class LicenceError(ValidationError):
    pass


class RegistrationError(UserError):
    pass


class PublicationError(UserError):
    pass


class FormulaError(ValidationError):
    pass


class TariffError(UserError):
    pass


class DeclarationError(UserError):
    pass


class ProcessingError(UserError):
    pass


class WithdrawWarning(UserWarning):
    pass
