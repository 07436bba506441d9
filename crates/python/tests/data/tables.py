"""The small tables that expressions are computed over, here and by PySpark."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

NAN, INF = float("nan"), float("inf")


def d(text: str) -> Decimal:
    return Decimal(text)


TABLES: dict[str, tuple[str, list[tuple[Any, ...]]]] = {
    "numbers": (
        "id int, b tinyint, s smallint, i int, j int, l bigint, f float, d double, e double, m decimal(10,2), "
        "n decimal(20,5)",
        [
            (1, 1, 10, 100, 7, 1000, 1.5, 2.25, 0.5, d("1.10"), d("12.34567")),
            (2, -1, -10, -100, -7, -1000, -1.5, -2.5, 2.0, d("-1.15"), d("-12.34567")),
            (3, 0, 0, 0, 3, 0, 0.0, 0.0, -1.0, d("0.00"), d("0.00001")),
            (4, None, None, None, None, None, None, None, None, None, None),
            (5, 100, 3000, 12345, 2, 123456789012, INF, NAN, 1.0, d("99999999.99"), d("100000000000000")),
            (6, 5, 6, 17, -5, 18, -INF, 3.5, INF, d("2.50"), d("0.5")),
        ],
    ),
    "extremes": (
        "id int, b tinyint, s smallint, i int, l bigint, d double, m decimal(38,0), z int",
        [
            (1, 127, 32767, 2147483647, 9223372036854775807, 1e300, d("9" * 38), 0),
            (2, -128, -32768, -2147483648, -9223372036854775808, -1e300, d("-" + "9" * 38), 0),
        ],
    ),
    "strings": (
        "id int, s string, t string, n int",
        [
            (1, "Hello World", "o", 3),
            (2, "  padded  ", "pad", -2),
            (3, "", "", 0),
            (4, None, "x", 1),
            (5, "ÄÖü straße 漢字😀", "ß", 4),
            (6, "a,b,,c", ",", 2),
            (7, "abc123def456", "3", None),
            (8, 'it\'s a "test" \\ %_x', "%", -1),
        ],
    ),
    "texts": (
        "id int, i string, d string, x string, dt string, ts string, b string, u string, h string, j string",
        [
            (
                1,
                "1",
                "1.5",
                "12",
                "2024-02-29",
                "2024-02-29 12:34:56",
                "true",
                "https://user:pw@example.com:8080/p/q.html?a=1&b=two%20words#frag",
                "1F",
                '{"a": 1, "b": [1, 2], "c": {"d": "x"}}',
            ),
            (
                2,
                " 42 ",
                " -2.75 ",
                "abc",
                "2023-1-5",
                "2023-01-05 01:02:03.456789",
                "N",
                "ftp://example.org",
                "ff",
                '[{"a": 1}, {"a": null}]',
            ),
            (3, None, None, None, None, None, None, None, None, None),
            (4, "-7", "1e3", "", "1969-12-31", "1969-12-31 23:59:59", "0", "", "", "{}"),
        ],
    ),
    "dates": (
        "id int, d date, e date, ts timestamp, us timestamp, nt timestamp_ntz, n int, w string",
        [
            (
                1,
                date(2024, 2, 29),
                date(2023, 12, 31),
                datetime(2024, 2, 29, 12, 34, 56, 789012),
                datetime(2024, 3, 1),
                datetime(2024, 2, 29, 12, 34, 56),
                1,
                "Mon",
            ),
            (
                2,
                date(1969, 12, 31),
                date(1970, 1, 1),
                datetime(1969, 12, 31, 23, 59, 59, 500000),
                datetime(1970, 1, 1),
                datetime(1969, 12, 31, 23, 59, 59),
                -1,
                "friday",
            ),
            (3, None, None, None, None, None, None, None),
            (
                4,
                date(2024, 3, 31),
                date(2024, 2, 29),
                datetime(2024, 3, 10, 7, 30),
                datetime(2024, 3, 31, 10, 0, 0),
                datetime(2024, 3, 10, 2, 30),
                12,
                "SU",
            ),
            (
                5,
                date(1582, 10, 15),
                date(2000, 1, 1),
                datetime(2000, 1, 1),
                datetime(1999, 12, 31, 12, 0),
                datetime(2000, 1, 1),
                100,
                "TUE",
            ),
        ],
    ),
    "arrays": (
        "id int, a array<int>, b array<int>, s array<string>, n array<array<int>>, t array<struct<x:int,y:string>>, "
        "d array<double>, v int",
        [
            (1, [3, 1, 2], [2, 3, 4], ["b", "a"], [[1, 2], [3]], [(2, "b"), (1, "a")], [1.5, NAN, -1.0], 2),
            (2, [1, None, 1], [None, 1], ["x", None, ""], [[], [None]], [(1, None)], [0.0], 1),
            (3, [], [], [], [], [], [], 0),
            (4, None, None, None, None, None, None, None),
            (5, [5, 5, 7, 9], [9], ["ä", "漢", "a"], [[1], None], [(3, "z"), None], [2.0, INF, None], -1),
        ],
    ),
    "maps": (
        "id int, m map<string,int>, e map<string,int>, k array<string>, v array<int>, p struct<x:int,y:string>, "
        "q struct<a:struct<b:int,c:string>,d:double>, x int, y string",
        [
            (1, {"a": 1, "b": 2}, {"c": 3}, ["k", "l"], [1, 2], (1, "one"), ((10, "ten"), 1.5), 1, "a"),
            (2, {"z": None}, {}, ["q"], [None], (None, None), (None, 2.5), 2, "z"),
            (3, {}, {"d": 4}, [], [], (3, "three"), ((None, "n"), None), 3, "missing"),
            (4, None, None, None, None, None, None, None, None),
        ],
    ),
    "groups": (
        "id int, k string, i int, l bigint, d double, e double, s string, m decimal(10,2), b boolean, t date, "
        "a array<int>, o int",
        [
            (1, "a", 1, 10, 1.0, 2.0, "x", d("1.10"), True, date(2024, 1, 1), [1], 5),
            (2, "a", 2, 20, 2.5, 4.5, "y", d("2.20"), False, date(2024, 2, 1), [2, 3], 4),
            (3, "a", 2, None, 4.0, 9.0, "x", d("3.30"), True, date(2023, 1, 1), None, 3),
            (4, "a", None, 40, None, 1.0, None, None, None, None, [], 2),
            (5, "b", 7, 70, 7.0, -7.0, "z", d("-7.77"), True, date(2020, 2, 29), [7], 1),
            (6, "c", None, None, None, None, None, None, None, None, None, None),
            (7, "d", -3, 5, 0.5, 0.25, "q", d("0.01"), False, date(2021, 6, 1), [5], 1),
            (8, "d", 3, 5, -0.5, 0.5, "p", d("0.02"), False, date(2021, 6, 1), [6], 2),
            (9, "d", 9, 6, 8.5, 1.0, "p", d("0.05"), False, date(2021, 7, 1), [5], 3),
        ],
    ),
}
