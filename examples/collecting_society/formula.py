# SPDX-License-Identifier: GPL-3.0-or-later
"""Arithmetic of tariffs

A formula is one expression of numbers, the names below, + - * / and
comparisons, a conditional, min, max and ceil. It is compiled to a syntax tree
and walked; nothing of it is ever executed.
"""
import ast
import math
import operator
from decimal import Decimal

NAMES = frozenset({
        'turnover', 'attendance', 'area', 'hours', 'copies', 'share', 'rate'})

_BINARY = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    }
_COMPARE = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    }
_FUNCTIONS = {
    'min': min,
    'max': max,
    'ceil': lambda x: Decimal(math.ceil(x)),
    }


def parse(formula):
    "Return the tree of a formula, or raise ValueError"
    try:
        tree = ast.parse(formula or '', mode='eval').body
    except SyntaxError as e:
        raise ValueError(str(e)) from e
    unknown = {
        node.id for node in ast.walk(tree)
        if isinstance(node, ast.Name)} - NAMES - _FUNCTIONS.keys()
    if unknown:
        raise ValueError(', '.join(sorted(unknown)))
    return tree


def evaluate(formula, values):
    "Return the Decimal of the formula; names without a value count as 0"
    return _walk(parse(formula), values)


def _walk(node, values):
    if isinstance(node, ast.Constant) and type(node.value) in {int, float}:
        return Decimal(str(node.value))
    if isinstance(node, ast.Name) and node.id in NAMES:
        return Decimal(values.get(node.id) or 0)
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        return _BINARY[type(node.op)](
            _walk(node.left, values), _walk(node.right, values))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_walk(node.operand, values)
    if (isinstance(node, ast.Compare)
            and len(node.ops) == 1 and type(node.ops[0]) in _COMPARE):
        return _COMPARE[type(node.ops[0])](
            _walk(node.left, values), _walk(node.comparators[0], values))
    if isinstance(node, ast.IfExp):
        chosen = node.body if _walk(node.test, values) else node.orelse
        return _walk(chosen, values)
    if (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            and node.func.id in _FUNCTIONS and not node.keywords):
        return _FUNCTIONS[node.func.id](
            *(_walk(argument, values) for argument in node.args))
    raise ValueError(ast.unparse(node))
