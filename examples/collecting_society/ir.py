# SPDX-License-Identifier: GPL-3.0-or-later
"""Compatibility of the module's XML with series up to 7.0

The field model of access rights, buttons and rules is a Char that holds the
name since series 7.2, and a Many2One before. These extensions let the older
series understand the newer spelling. They are registered only there.
"""
from trytond.pool import Pool, PoolMeta


class _ModelByName:
    __slots__ = ()

    @classmethod
    def create(cls, vlist):
        return super().create([cls._resolve_model(v) for v in vlist])

    @classmethod
    def write(cls, *args):
        super().write(*(
                cls._resolve_model(a) if isinstance(a, dict) else a
                for a in args))

    @classmethod
    def _resolve_model(cls, values):
        Model = Pool().get('ir.model')
        if isinstance(values.get('model'), str):
            model, = Model.search([('model', '=', values['model'])])
            values = {**values, 'model': model.id}
        return values


class ModelAccess(_ModelByName, metaclass=PoolMeta):
    __name__ = 'ir.model.access'


class ModelButton(_ModelByName, metaclass=PoolMeta):
    __name__ = 'ir.model.button'


class RuleGroup(_ModelByName, metaclass=PoolMeta):
    __name__ = 'ir.rule.group'
