# SPDX-License-Identifier: GPL-3.0-or-later
from trytond.model import fields
from trytond.pool import Pool

__all__ = ['register']


def register():
    # Imported late: pytest imports this package once more by its path
    from . import (
        artist,
        catalogue,
        configuration,
        content,
        creation,
        declaration,
        invoice,
        ir,
        licence,
        location,
        party,
        release,
        tariff,
        web_user,
    )

    models = [
        configuration.Configuration,
        party.Party,
        party.Membership,
        party.Society,
        web_user.Role,
        web_user.UserRole,
        web_user.User,
        catalogue.Genre,
        catalogue.Label,
        catalogue.Publisher,
        catalogue.Role,
        licence.Licence,
        artist.Artist,
        artist.ArtistGenre,
        artist.Membership,
        artist.Identifier,
        creation.Creation,
        creation.CreationGenre,
        creation.Contribution,
        creation.Right,
        creation.Derivation,
        creation.CreationLicence,
        release.Release,
        release.ReleaseGenre,
        release.Medium,
        release.Track,
        tariff.System,
        tariff.Category,
        tariff.Tariff,
        tariff.Bracket,
        tariff.Adjustment,
        tariff.TariffAdjustment,
        location.Category,
        location.Location,
        location.Space,
        location.Series,
        location.Event,
        location.Performance,
        location.PlaylistItem,
        location.Website,
        declaration.Declaration,
        declaration.Utilisation,
        declaration.UtilisationAdjustment,
        content.Storage,
        content.Volume,
        content.Content,
        content.Checksum,
        content.Fingerprint,
        content.Log,
        content.RejectStart,
        invoice.Company,
        invoice.ProductTemplate,
        invoice.Invoice,
        invoice.InvoiceLine,
        ]
    if not hasattr(fields, 'fmany2one'):
        models += [ir.ModelAccess, ir.ModelButton, ir.RuleGroup]
    for model in models:
        # Series 7.2 and later do not read the title from the docstring
        if model.__doc__:
            model.__string__ = model.__doc__
    Pool.register(*models, module='collecting_society', type_='model')
    Pool.register(
        party.Replace,
        content.Reject,
        module='collecting_society', type_='wizard')
