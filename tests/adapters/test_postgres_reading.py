"""What the words of a statement say about what it touches; what they do not say is everything."""

from __future__ import annotations

import pytest

pytest.importorskip("psycopg")

from pytest_racecheck.adapters.postgres_reading import read, value_of


@pytest.mark.parametrize(
    ("sql", "tables", "writes", "locks"),
    [
        ("select * from account", ("account",), False, ""),
        ("select * from a, b c, d as e where a.x = b.x", ("a", "b", "d"), False, ""),
        ("select * from a join b on a.x = b.x", ("a", "b"), False, ""),
        ("select * from a where x in (select y from b)", ("a", "b"), False, ""),
        ("select 1 from a for update", ("a",), False, "update"),
        ("select 1 from a for no key update skip locked", ("a",), False, "update"),
        ("select 1 from a for key share", ("a",), False, "share"),
        ("update only a set x = 1", ("a",), True, ""),
        ("insert into a (x) select y from b on conflict do nothing", ("a", "b"), True, ""),
        ("insert into a values (1) on conflict (x) do update set x = 2", ("a",), True, ""),
        ("delete from a using b where a.x = b.x", ("a", "b"), True, ""),
        ("with c as (delete from a returning x) select * from c", ("a",), True, ""),
        ("select 'from b' from a -- from c\n/* from d */", ("a",), False, ""),
        ('select * from "A", s."B"', ('"A"', 's."B"'), False, ""),
    ],
)
def test_tables_writes_and_locks(
    sql: str, tables: tuple[str, ...], writes: bool, locks: str
) -> None:
    found = read(sql)
    assert found.understood
    assert (found.tables, found.writes, found.locks) == (tables, writes, locks)


@pytest.mark.parametrize(
    "sql", ["do $$ begin end $$", "create table a ()", "select 1; update a set x = 1", "call f()"]
)
def test_what_may_do_anything_is_not_understood(sql: str) -> None:
    assert not read(sql).understood


def test_functions_are_found_and_column_lists_are_none() -> None:
    found = read("insert into a (x) select f(x), coalesce(y, g.h(1)) from b where x in (1)")
    assert found.functions == ("f", "coalesce", "g.h")


@pytest.mark.parametrize(
    ("sql", "params", "value"),
    [
        ("select 1 from a where id = 7", None, "7"),
        ("update a set x = %s where id = %s", [5, 9], "9"),
        ("select 1 from a where id = %(n)s for update", {"n": 3}, "3"),
        ("select 1 from a where id = %s and x = %s", [1, 2], "1"),
        ("select 1 from a where id = %s or x = %s", [1, 2], None),
        ("select 1 from a where id = 1 + %s", [1], None),
        ("select 1 from a where id = 1 + 1", None, None),
        ("select 1 from a where x > 1", None, None),
        ("select 1 from a where id = %s", [1.5], None),
    ],
)
def test_the_one_row(sql: str, params: object, value: str | None) -> None:
    named = [
        value_of(constant, number, params)
        for column, constant, number in read(sql).equals
        if column == "id"
    ]
    assert (named[0] if named else None) == value
