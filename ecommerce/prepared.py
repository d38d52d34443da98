"""Statements that are made once and run often: querysets, and SQL of our own.

Building a query and turning it into SQL takes Django longer than PostgreSQL takes to answer it. Where that counts (an
order, a basket) a queryset is built with a ``Parameter`` for each value that changes, and turned into SQL at its first
use; after that a run is one statement and the reading of its rows. PostgreSQL plans as long as it runs, so it keeps the
plan as well. What selectors add to querysets (prices, promotions)
goes in as it does everywhere.
"""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from itertools import count
from typing import Any

from django.conf import settings
from django.db import NotSupportedError, OperationalError, connection, models
from django.db.models.expressions import Expression

MOST_KEPT = 200  # by each connection; what was not run for the longest time goes


class Parameter(Expression):
    """Stands for a value that each run brings, named; ``cast`` is its type in SQL where that cannot be seen."""

    def __init__(self, name: str, output_field: "models.Field[Any, Any]", *, cast: str = "") -> None:
        super().__init__(output_field=output_field)
        self.name, self.cast = name, cast

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return f"%s::{self.cast}" if self.cast else "%s", [self]


class AnyOf(models.Func):
    """The condition that an expression is one of the ids of an array: one parameter, however many they are.

    The array stands in a query of its own, so that its length means nothing to the planner: else PostgreSQL finds that
    a plan for this length is cheaper than one for any, and plans anew each time, which takes longer than to run it.
    """

    template = "%(expressions)s)::uuid[])"
    arg_joiner = " = ANY((SELECT "
    arity = 2
    output_field = models.BooleanField()
    conditional = True


def ids(name: str) -> Parameter:
    """Return the parameter for a list of ids."""
    return Parameter(name, models.UUIDField(), cast="uuid[]")


class Statement:
    """Hand-written SQL that runs often, with its values by name and the type of each: ``%(user)s`` is a ``uuid``.

    PostgreSQL plans it once for each connection, unless ``DATABASE_PREPARED_STATEMENTS`` is off, as it must be behind
    a pooler that gives each transaction another connection. Per cent signs are doubled.
    """

    def __init__(self, text: str, /, **types: str) -> None:
        # PostgreSQL is told each type here too, as it cannot see that of an empty array. What takes no values reaches
        # it as it is, so its per cent signs must be single ones already.
        cast = {name: f"%({name})s::{kind}" if kind != "unknown" else f"%({name})s" for name, kind in types.items()}
        self._text = (text.replace("%%", "%%%%") if types else text) % cast
        body = text % {name: f"${number}" for number, name in enumerate(types, start=1)}
        asked = f" ({', '.join(types.values())})" if types else ""
        self._name = f"shop_{hashlib.sha256(f'{asked} {body}'.encode()).hexdigest()[:32]}"
        self._prepare = f"PREPARE {self._name}{asked} AS {body}"
        places = ", ".join(f"%({name})s" for name in types)
        self._execute = f"EXECUTE {self._name} ({places})" if types else f"EXECUTE {self._name}"

    def run(self, **values: Any) -> list[tuple[Any, ...]]:
        """Run it with a value for each name, and return its rows, if it gives any.

        Raises:
            KeyError: a name got no value.
            OperationalError: also when a column has got another type since the connection planned it.
        """
        with connection.cursor() as cursor:
            if settings.DATABASE_PREPARED_STATEMENTS:
                self._become_known()
                try:
                    cursor.execute(self._execute, values)
                except NotSupportedError as error:
                    connection.close_at = 0  # with the request
                    raise OperationalError(*error.args) from error
            else:
                cursor.execute(self._text, values or None)
            return cursor.fetchall() if cursor.description else []

    def _become_known(self) -> None:
        known: OrderedDict[str, None] = connection.prepared_statements  # type: ignore[attr-defined]  # of our backend
        if self._name in known:
            known.move_to_end(self._name)
            return
        # Not by a cursor of Django's: what is sent once for each connection is no statement of this request.
        with connection.connection.cursor() as cursor:
            cursor.execute(self._prepare)
            known[self._name] = None
            if len(known) > MOST_KEPT:
                cursor.execute(f"DEALLOCATE {known.popitem(last=False)[0]}")


def run(text: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Run SQL that is put together from pieces of our own, with a ``%s`` for each value, and return its rows.

    For what is put together in few ways, and dear to plan; PostgreSQL sees what type each value is. Not where the best
    plan depends on the values, such as for a page in some order of the rows with some property.

    Raises:
        OperationalError: see ``Statement.run``.
    """
    return _assembled(text).run(**{f"value_{number}": value for number, value in enumerate(parameters)})


@lru_cache(maxsize=MOST_KEPT)
def _assembled(text: str) -> Statement:
    numbers = count()
    named = re.sub("%[%s]", lambda found: "%%" if found[0] == "%%" else f"%(value_{next(numbers)})s", text)
    return Statement(named, **{f"value_{number}": "unknown" for number in range(next(numbers))})


class Prepared:
    """A queryset, made by ``build`` at the first run: read ``rows`` of a ``values_list``, or else ``objects``.

    ``lock`` names the model whose rows are locked (FOR NO KEY UPDATE) in the order of the queryset; rows of what it
    joins are not.
    """

    def __init__(
        self, build: Callable[[], "models.QuerySet[Any, Any]"], *, lock: type[models.Model] | None = None
    ) -> None:
        self._build, self._lock = build, lock

    def rows(self, **values: Any) -> list[list[Any]]:
        """Run it with a value for each parameter, and return its rows.

        Raises:
            KeyError, OperationalError: see ``Statement.run``.
        """
        statement, converters, _ = self._compiled
        rows = [list(row) for row in statement.run(**values)]
        for index, (functions, expression) in converters.items():
            for row in rows:
                for function in functions:
                    row[index] = function(row[index], expression, connection)
        return rows

    def objects(self, **values: Any) -> list[Any]:
        """Run it with a value for each parameter, and return its objects, with what it selects beside them."""
        rows = self.rows(**values)
        make, annotations = self._maker
        found = []
        for row in rows:
            made = make(row)
            for name, position in annotations:
                setattr(made, name, row[position])
            found.append(made)
        return found

    @cached_property
    def _maker(self) -> tuple[Callable[[list[Any]], Any], list[tuple[str, int]]]:
        _, _, compiler = self._compiled
        return _maker_of(compiler.klass_info, compiler.select), list(compiler.annotation_col_map.items())

    @cached_property
    def _compiled(self) -> tuple[Statement, dict[int, tuple[list[Any], Any]], Any]:
        """The statement, by which functions its columns are read, and what Django knows of it."""
        compiler = self._build().query.get_compiler(connection=connection)
        text, parameters = compiler.as_sql()
        if self._lock:
            text += f' FOR NO KEY UPDATE OF "{self._lock._meta.db_table}"'
        types = {
            each.name: each.cast or str(each.output_field.db_type(connection))
            for each in parameters
            if isinstance(each, Parameter)
        }
        with connection.cursor() as cursor:
            # A value that is always the same stands in the text, where a per cent sign is a doubled one.
            places = tuple(
                f"%({each.name})s"
                if isinstance(each, Parameter)
                else cursor.mogrify("%s", [each]).decode().replace("%", "%%")
                for each in parameters
            )
        text = text.replace("%%", "%%%%") % places
        return Statement(text, **types), compiler.get_converters([each[0] for each in compiler.select]), compiler


def _maker_of(info: dict[str, Any], select: list[Any]) -> Callable[[list[Any]], Any]:
    """Return how a row becomes an object with those that ``select_related`` adds, as in Django's ``ModelIterable``."""
    model, start, end = info["model"], info["select_fields"][0], info["select_fields"][-1] + 1
    columns = [column[0].target.attname for column in select[start:end]]
    key = columns.index(model._meta.pk.attname)
    related = [
        (_maker_of(child, select), child["local_setter"], child["remote_setter"])
        for child in info.get("related_klass_infos", ())
    ]

    def make(row: list[Any]) -> Any:
        values = row[start:end]
        if values[key] is None:
            return None
        made = model.from_db(connection.alias, columns, values)
        for make_other, put_here, put_there in related:
            other = make_other(row)
            put_here(made, other)
            if other is not None:
                put_there(other, made)
        return made

    return make
