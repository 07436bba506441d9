"""The canonical form and the checksum. The same vectors stand in the tests of `springald verify`."""

from __future__ import annotations

import math
from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from compare.answers import decimal_text, digest


def every_kind() -> pa.Table:
    """Two rows of each kind of cell, as the Rust test has them."""
    return pa.table(
        {
            "whole": pa.array([42, None], pa.int64()),
            "money": pa.array([Decimal("-1.50"), Decimal("0.00")], pa.decimal128(12, 2)),
            "text": pa.array(["", "ä"], pa.string()),
            "truth": pa.array([True, False]),
            "day": pa.array([date(2026, 2, 28), date(1969, 12, 31)]),
            "moment": pa.array([datetime(2026, 1, 1, 12, 30, 1, 5), None], pa.timestamp("us")),
            "bytes": pa.array([b"\x00\xff", b""], pa.binary()),
            "float": pa.array([0.5, math.nan], pa.float64()),
        }
    )


def test_the_digest_is_what_rust_computes() -> None:
    made = digest(every_kind())
    assert made.checksum == "4a37f1cd760c6813a0a99af790e74bc4"
    assert made.floats[:7] == (None,) * 7
    assert made.floats[7] == pytest.approx((0.6814804077148438, 0.6814804077148438))


def test_order_does_not_matter_and_doubles_count() -> None:
    rows = pa.table({"a": [1, 2, 3], "b": ["x", "y", "z"]})
    assert digest(rows) == digest(rows.take([2, 0, 1]))
    assert digest(rows).checksum != digest(rows.take([0, 0, 1])).checksum
    assert digest(rows.take([0, 1, 1])).checksum != digest(rows.take([0, 0, 1])).checksum


def test_nulls_empty_texts_and_the_word_null_are_three_things() -> None:
    made = {digest(pa.table({"a": pa.array([cell], pa.string())})).checksum for cell in (None, "", "null")}
    assert len(made) == 3


def test_cells_do_not_run_into_each_other() -> None:
    assert digest(pa.table({"a": ["ab"], "b": ["c"]})).checksum != digest(pa.table({"a": ["a"], "b": ["bc"]})).checksum


def test_numbers_are_equal_by_value_whatever_their_type() -> None:
    whole = digest(pa.table({"n": pa.array([5], pa.int32())}))
    money = digest(pa.table({"n": pa.array([Decimal("5.00")], pa.decimal128(10, 2))}))
    assert whole.checksum == money.checksum
    assert decimal_text(Decimal("1E+3")) == "1000"
    assert decimal_text(Decimal("-0.10")) == "-0.1"


def test_floats_agree_within_the_tolerance_and_never_flip() -> None:
    # Beside each other and on both sides of every boundary that rounding could have.
    a = pa.table({"k": ["a", "b"], "x": [0.125, 2.5]})
    b = pa.table({"k": ["a", "b"], "x": [math.nextafter(0.125, 0), math.nextafter(2.5, 3)]})
    c = pa.table({"k": ["a", "b"], "x": [0.125, 2.51]})
    assert digest(a).agrees(digest(b), 1e-9)
    assert not digest(a).agrees(digest(c), 1e-9)


def test_floats_belong_to_their_rows() -> None:
    a = digest(pa.table({"k": ["a", "b"], "x": [1.0, 2.0]}))
    swapped = digest(pa.table({"k": ["a", "b"], "x": [2.0, 1.0]}))
    assert a.checksum == swapped.checksum
    assert not a.agrees(swapped, 1e-9)


def test_infinities_and_missing_numbers_are_exact() -> None:
    made = [digest(pa.table({"x": pa.array([x], pa.float64())})) for x in (math.inf, -math.inf, math.nan, None, 0.0)]
    assert len({one.checksum for one in made}) == 5


def test_what_has_no_form_is_refused() -> None:
    with pytest.raises(TypeError, match="plain columns"):
        digest(pa.table({"a": [[1, 2]]}))


def test_an_empty_answer_has_a_digest() -> None:
    made = digest(pa.table({"a": pa.array([], pa.int64())}))
    assert (made.rows, made.checksum) == (0, "0" * 32)
