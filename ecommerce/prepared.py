"""Querysets that are built once and run often.

Building a query and turning it into SQL takes Django longer than PostgreSQL takes to answer it. Where that counts (an
order, a basket) a queryset is built with a ``Parameter`` for each value that changes, and turned into SQL at its first
use; after that a run is one statement and the reading of its rows. What selectors add to querysets (prices, promotions)
goes in as it does everywhere.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from django.db import connection, models
from django.db.models.expressions import Expression


class Parameter(Expression):
    """Stands for a value that each run brings, named; ``cast`` is its type in SQL where that cannot be seen."""

    def __init__(self, name: str, output_field: "models.Field[Any, Any]", *, cast: str = "") -> None:
        super().__init__(output_field=output_field)
        self.name, self.cast = name, cast

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return f"%s::{self.cast}" if self.cast else "%s", [self]


class AnyOf(models.Func):
    """The condition that an expression is one of the values of an array: one parameter, however many they are."""

    template = "%(expressions)s)"
    arg_joiner = " = ANY("
    arity = 2
    output_field = models.BooleanField()
    conditional = True


def ids(name: str) -> Parameter:
    """Return the parameter for a list of ids."""
    return Parameter(name, models.UUIDField(), cast="uuid[]")


class Prepared:
    """A ``values_list`` queryset, made by ``build`` at the first run.

    ``lock`` names the model whose rows are locked (FOR NO KEY UPDATE) in the order of the queryset; rows of what it
    joins are not.
    """

    def __init__(
        self, build: Callable[[], "models.QuerySet[Any, Any]"], *, lock: type[models.Model] | None = None
    ) -> None:
        self._build, self._lock = build, lock

    @cached_property
    def _compiled(self) -> tuple[str, tuple[Any, ...], dict[int, tuple[list[Any], Any]]]:
        compiler = self._build().query.get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        if self._lock:
            sql += f' FOR NO KEY UPDATE OF "{self._lock._meta.db_table}"'
        converters = compiler.get_converters([each[0] for each in compiler.select])
        return sql, tuple(parameters), converters

    def rows(self, **values: Any) -> list[Sequence[Any]]:
        """Run it with a value for each parameter, and return its rows.

        Raises:
            KeyError: a parameter got no value.
        """
        sql, parameters, converters = self._compiled
        bound = [values[each.name] if isinstance(each, Parameter) else each for each in parameters]
        with connection.cursor() as cursor:
            cursor.execute(sql, bound)
            rows: list[Any] = [list(row) for row in cursor.fetchall()]
        for index, (functions, expression) in converters.items():
            for row in rows:
                for function in functions:
                    row[index] = function(row[index], expression, connection)
        return rows
