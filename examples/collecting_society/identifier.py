# SPDX-License-Identifier: GPL-3.0-or-later
"Normalisation and check digits of the identifiers of the music trade"
import re

_SEPARATORS = re.compile(r'[\s.\-]')


def compact(code):
    return _SEPARATORS.sub('', code or '').upper()


def _weighted(digits, weights):
    return sum(int(d) * w for d, w in zip(digits, weights))


def is_isrc(code):
    "International Standard Recording Code: well formed, no check digit"
    return bool(re.fullmatch(r'[A-Z]{2}[A-Z0-9]{3}\d{7}', compact(code)))


def is_iswc(code):
    "International Standard Musical Work Code: T, nine digits, check digit"
    code = compact(code)
    if not re.fullmatch(r'T\d{10}', code):
        return False
    total = 1 + _weighted(code[1:10], range(1, 10))
    return -total % 10 == int(code[10])


def is_gtin(code):
    "Global Trade Item Number of 8, 12, 13 or 14 digits"
    code = compact(code)
    if not re.fullmatch(r'\d{8}|\d{12,14}', code):
        return False
    total = _weighted(code[-2::-1], (3, 1) * 7)
    return -total % 10 == int(code[-1])


def is_isni(code):
    "International Standard Name Identifier: ISO 7064, MOD 11-2"
    code = compact(code)
    if not re.fullmatch(r'\d{15}[\dX]', code):
        return False
    total = 0
    for digit in code[:-1]:
        total = (total + int(digit)) * 2
    return code[-1] == '0123456789X'[(12 - total % 11) % 11]


def is_ipi(code):
    "Interested Party Information name number: weighted modulus 101"
    code = compact(code)
    if not re.fullmatch(r'\d{11}', code):
        return False
    rest = _weighted(code[:9], range(10, 1, -1)) % 101
    return (101 - rest) % 100 * bool(rest) == int(code[9:])


def format_isrc(code):
    code = compact(code)
    return '-'.join([code[:2], code[2:5], code[5:7], code[7:]])


def format_iswc(code):
    code = compact(code)
    return f'{code[0]}-{code[1:4]}.{code[4:7]}.{code[7:10]}-{code[10]}'


CHECKS = {
    'isrc': is_isrc,
    'iswc': is_iswc,
    'gtin': is_gtin,
    'isni': is_isni,
    'ipi': is_ipi,
    }
