# SPDX-License-Identifier: GPL-3.0-or-later
from trytond.model import ModelSingleton, ModelSQL, ModelView, fields
from trytond.pool import Pool
from trytond.pyson import Id


def _sequence(string, xml_id):
    return fields.Many2One(
        'ir.sequence', string, required=True,
        domain=[
            ('sequence_type', '=', Id('collecting_society', xml_id)),
            ('company', '=', None),
            ])


def _default(xml_id):
    ModelData = Pool().get('ir.model.data')
    try:
        return ModelData.get_id('collecting_society', xml_id)
    except KeyError:
        return None


class Configuration(ModelSingleton, ModelSQL, ModelView):
    "Collecting Society Configuration"
    __name__ = 'collecting_society.configuration'

    membership_sequence = _sequence(
        "Membership Sequence", 'sequence_type_membership')
    artist_sequence = _sequence("Artist Sequence", 'sequence_type_artist')
    creation_sequence = _sequence(
        "Creation Sequence", 'sequence_type_creation')
    release_sequence = _sequence("Release Sequence", 'sequence_type_release')
    declaration_sequence = _sequence(
        "Declaration Sequence", 'sequence_type_declaration')
    content_sequence = _sequence("Content Sequence", 'sequence_type_content')
    max_upload_size = fields.Integer(
        "Maximal Upload Size", required=True,
        domain=[('max_upload_size', '>', 0)],
        help="In megabytes.")

    @classmethod
    def default_membership_sequence(cls):
        return _default('sequence_membership')

    @classmethod
    def default_artist_sequence(cls):
        return _default('sequence_artist')

    @classmethod
    def default_creation_sequence(cls):
        return _default('sequence_creation')

    @classmethod
    def default_release_sequence(cls):
        return _default('sequence_release')

    @classmethod
    def default_declaration_sequence(cls):
        return _default('sequence_declaration')

    @classmethod
    def default_content_sequence(cls):
        return _default('sequence_content')

    @classmethod
    def default_max_upload_size(cls):
        return 500

    def next_code(self, sequence_name):
        return getattr(self, sequence_name).get()
