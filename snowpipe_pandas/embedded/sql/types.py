"""Column types as CREATE TABLE writes them: every name of a type mapped once, its parameters checked.

Types of Snowflake that the local account can't keep truly are refused by their name.
"""

from __future__ import annotations

from sqlglot import exp

from ...errors import UsageError

_T = exp.DataType.Type

NUMBER_DIGITS, FRACTION_DIGITS = 38, 9
MAX_CHARACTERS = 134_217_728
MAX_BYTES = 67_108_864

_INTEGERS = (_T.INT, _T.BIGINT, _T.SMALLINT, _T.TINYINT)
_WITHOUT_PARAMETERS = {
    **dict.fromkeys(_INTEGERS, "NUMBER(38,0)"),  # also INTEGER and BYTEINT, which the parser takes for INT
    **dict.fromkeys((_T.DOUBLE, _T.FLOAT), "FLOAT"),  # also FLOAT4, FLOAT8, REAL, DOUBLE PRECISION
    _T.BOOLEAN: "BOOLEAN",
    _T.DATE: "DATE",
    _T.VARIANT: "VARIANT",
    _T.OBJECT: "OBJECT",
    _T.ARRAY: "ARRAY",
}
_DECIMALS = (_T.DECIMAL,)  # NUMBER, NUMERIC, DEC
_CHARS = (_T.CHAR, _T.NCHAR)  # also CHARACTER: one character by default
_TEXTS = (_T.VARCHAR, _T.TEXT, _T.NVARCHAR, *_CHARS)  # also STRING, NVARCHAR2, CHAR VARYING
_BINARIES = (_T.BINARY, _T.VARBINARY)
_MOMENTS = {
    _T.TIME: "TIME",
    _T.TIMESTAMP: "TIMESTAMP_NTZ",  # the default of TIMESTAMP_TYPE_MAPPING
    _T.DATETIME: "TIMESTAMP_NTZ",
    _T.TIMESTAMPNTZ: "TIMESTAMP_NTZ",
    _T.TIMESTAMPLTZ: "TIMESTAMP_LTZ",
    _T.TIMESTAMPTZ: "TIMESTAMP_TZ",
}


def declared_type(kind: exp.DataType, column: str) -> str:
    """Return a type as Snowflake's documents name it, with the parameters that it has by default.

    Args:
        kind: the parsed type.
        column: whose it is, for messages.

    Raises:
        UsageError: the local account does not know the type, or Snowflake does not take its parameters.
    """
    numbers = _numbers(kind, column)
    name = kind.this
    if name in _WITHOUT_PARAMETERS:
        if kind.expressions:
            raise _unknown(kind, column)
        return _WITHOUT_PARAMETERS[name]
    if name in _DECIMALS:
        return _number(kind, numbers, column)
    if name in _TEXTS:
        return _sized("VARCHAR", numbers or ([1] if name in _CHARS else []), 1, MAX_CHARACTERS, column)
    if name in _BINARIES:
        return _sized("BINARY", numbers, 1, MAX_BYTES, column)
    if name in _MOMENTS:
        return _sized(_MOMENTS[name], numbers or [FRACTION_DIGITS], 0, FRACTION_DIGITS, column)
    raise _unknown(kind, column)


def _number(kind: exp.DataType, numbers: list[int], column: str) -> str:
    digits, scale = [*numbers, *[NUMBER_DIGITS, 0][len(numbers) :]][:2]
    if len(numbers) > 2 or not (1 <= digits <= NUMBER_DIGITS and 0 <= scale <= digits):
        raise UsageError(
            f"column {column}: {_written(kind)} is not a type of Snowflake; NUMBER has 1 to 38 digits, and "
            "no more of them after the point"
        )
    return f"NUMBER({digits},{scale})"


def _sized(name: str, numbers: list[int], low: int, high: int, column: str) -> str:
    """Write a type with one number within its limits, or without one."""
    if not numbers:
        return name
    if len(numbers) > 1 or not low <= numbers[0] <= high:
        shown = ",".join(map(str, numbers))
        raise UsageError(
            f"column {column}: {name}({shown}) is not a type of Snowflake; its number is {low} to {high}"
        )
    return f"{name}({numbers[0]})"


def _numbers(kind: exp.DataType, column: str) -> list[int]:
    """Return a type's parameters, which must be whole numbers."""
    numbers = []
    for parameter in kind.expressions:
        value = parameter.this if isinstance(parameter, exp.DataTypeParam) else None
        if not (isinstance(value, exp.Literal) and value.is_int):
            raise _unknown(kind, column)
        numbers.append(int(value.this))
    return numbers


def _unknown(kind: exp.DataType, column: str) -> UsageError:
    return UsageError(f"the local account does not know the type {_written(kind)} of column {column}")


def _written(kind: exp.DataType) -> str:
    return str(kind.sql(dialect="snowflake")).replace("DECIMAL", "NUMBER")
