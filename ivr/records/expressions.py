"""What SQLite and PostgreSQL write differently. SQLite's floor() and ceil() are not everywhere."""

from typing import Any

from sqlalchemy import Integer
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction


class hour_of(GenericFunction[int]):  # noqa: N801 - reads as a function
    """The hour, counted from the epoch, of a time in seconds since it."""

    type = Integer()
    inherit_cache = True


class tenths_of(GenericFunction[int]):  # noqa: N801 - reads as a function
    """Seconds in tenths, rounded up."""

    type = Integer()
    inherit_cache = True


@compiles(hour_of)
def _hour(element: hour_of, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401
    at = compiler.process(element.clauses, **how)
    return f"CAST(FLOOR({at} / 3600) AS INTEGER)"


@compiles(hour_of, "sqlite")
def _sqlite_hour(element: hour_of, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401
    at = compiler.process(element.clauses, **how)
    return f"CAST({at} / 3600 AS INTEGER)"


@compiles(tenths_of)
def _tenths(element: tenths_of, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401
    seconds = compiler.process(element.clauses, **how)
    return f"CAST(CEIL({seconds} * 10) AS INTEGER)"


@compiles(tenths_of, "sqlite")
def _sqlite_tenths(element: tenths_of, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401
    tenths = f"{compiler.process(element.clauses, **how)} * 10"
    whole = f"CAST({tenths} AS INTEGER)"
    return f"({whole} + ({tenths} > {whole}))"
