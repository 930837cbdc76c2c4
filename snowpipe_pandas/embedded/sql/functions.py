"""What DuckDB does in another way than Snowflake, and sqlglot writes down as it is: functions and casts."""

from __future__ import annotations

from sqlglot import exp

_LOWER_HALF = 17
"""The place in the hex digits of an MD5 at which its lower 64 bits begin."""


def rewritten(tree: exp.Expr) -> exp.Expr:
    """Return a copy of a tree in which these say for DuckDB what they mean to Snowflake."""
    return tree.transform(_rewritten)


def _rewritten(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Cast) and node.is_type(*exp.DataType.TEXT_TYPES):
        return _text_of_json(node)
    if isinstance(node, exp.MD5NumberLower64):
        return _number_of_md5(node)
    return node


def _text_of_json(cast: exp.Cast) -> exp.Expr:
    """A text inside of a VARIANT becomes that text, without its quotes."""
    inner = cast.this
    if isinstance(inner, exp.JSONExtract):
        cast.set("this", exp.JSONExtractScalar(this=inner.this, expression=inner.expression))
    return cast


def _number_of_md5(node: exp.MD5NumberLower64) -> exp.Expr:
    digits = exp.Substring(this=exp.MD5(this=node.this), start=exp.Literal.number(_LOWER_HALF))
    number = exp.DPipe(this=exp.Literal.string("0x"), expression=digits)
    return exp.cast(number, exp.DataType.Type.UBIGINT)
