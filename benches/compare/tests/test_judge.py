"""Comparing answers cell by cell."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest

from compare.judge import same_cost, same_rows
from compare.spoil import spoil


def decimals(values: list[str | None], scale: int) -> pa.Array:
    cells = [None if value is None else Decimal(value) for value in values]
    return pa.array(cells, pa.decimal128(38, scale))


def test_rows_in_any_order_are_the_same() -> None:
    rows = pa.table({"k": ["a", "b", None], "n": [1, 2, 3], "x": [0.1, 0.2, 0.3]})
    verdict = same_rows(rows, rows.take([2, 1, 0]), 1e-9)
    assert verdict.same, verdict
    assert verdict.how == "floats within 1e-09"


def test_a_float_beyond_the_tolerance_is_shown() -> None:
    ours = pa.table({"k": ["a", "b"], "x": [0.1, 0.2]})
    theirs = pa.table({"k": ["a", "b"], "x": [0.1, 0.2000001]})
    verdict = same_rows(ours, theirs, 1e-9)
    assert not verdict.same
    assert verdict.differences == ("x is 0.2 for 0.2000001 where k = 'b'",)
    assert same_rows(ours, theirs, 1e-5).same


def test_decimals_of_one_scale_are_exact_and_quotients_to_the_shorter() -> None:
    ours = pa.table({"k": ["a"], "x": decimals(["0.123456"], 6)})
    wrong = pa.table({"k": ["a"], "x": decimals(["0.123457"], 6)})
    longer = pa.table({"k": ["a"], "x": decimals(["0.1234567890"], 10)})
    far = pa.table({"k": ["a"], "x": decimals(["0.1234590000"], 10)})
    assert not same_rows(ours, wrong, 1e-9).same
    verdict = same_rows(ours, longer, 1e-9)
    assert verdict.same
    assert "shorter scale" in verdict.how
    assert not same_rows(ours, far, 1e-9).same


def test_large_decimals_are_not_compared_as_doubles() -> None:
    ours = pa.table({"x": decimals(["123456789012345678901234.12"], 2)})
    theirs = pa.table({"x": decimals(["123456789012345678901234.1234"], 4)})
    wrong = pa.table({"x": decimals(["123456789012345678901234.2234"], 4)})
    assert same_rows(ours, theirs, 1e-9).same
    assert not same_rows(ours, wrong, 1e-9).same


def test_whole_numbers_and_decimals_are_equal_by_value() -> None:
    whole = pa.table({"n": pa.array([3], pa.int64())})
    money = pa.table({"n": decimals(["3"], 0)})
    assert same_rows(whole, money, 1e-9).same


def test_nulls_are_not_empty_texts_nor_zero() -> None:
    null, empty = (pa.table({"t": pa.array([cell], pa.string())}) for cell in (None, ""))
    assert not same_rows(null, empty, 1e-9).same
    null, zero = (pa.table({"x": pa.array([cell], pa.float64())}) for cell in (None, 0.0))
    assert not same_rows(null, zero, 1e-9).same


def test_missing_and_additional_rows_are_named() -> None:
    ours = pa.table({"k": ["a", "b", "b"]})
    theirs = pa.table({"k": ["a", "b", "c"]})
    verdict = same_rows(ours, theirs, 1e-9)
    assert verdict.differences == ("only here: k = 'b'", "only on the other side: k = 'c'")
    fewer = same_rows(ours.slice(0, 2), theirs, 1e-9)
    assert fewer.differences[0] == "2 rows, and the other side has 3"


def test_rows_alike_but_for_floats_are_paired_by_what_is_near() -> None:
    ours = pa.table({"x": [1.0, 1.0 + 1e-12, 5.0], "y": [9.0, 1.0, 2.0]})
    theirs = pa.table({"x": [1.0 + 2e-12, 5.0, 1.0], "y": [9.0, 2.0, 1.0]})
    assert same_rows(ours, theirs, 1e-9).same


def test_no_more_than_a_few_differences_are_shown() -> None:
    ours, theirs = pa.table({"k": list(range(100))}), pa.table({"k": list(range(100, 200))})
    assert len(same_rows(ours, theirs, 1e-9).differences) == 5


def test_costs_may_be_lower_but_not_much_higher() -> None:
    cost = lambda value: pa.table({"cost": [value]})  # noqa: E731
    assert same_cost(cost(1.0), cost(2.0), 0.1).same
    assert same_cost(cost(1.09), cost(1.0), 0.1).same
    assert not same_cost(cost(1.11), cost(1.0), 0.1).same


@pytest.mark.parametrize(
    "rows",
    [
        pa.table({"k": ["a", "b"], "n": [1, 2]}),
        pa.table({"k": ["a", "b"], "x": [0.5, 0.25]}),
        pa.table({"x": [0.0]}),
        pa.table({"money": decimals(["0.00", "12.34", "5.00"], 2)}),
        pa.table({"n": [7], "k": ["a"]}),
    ],
)
def test_a_falsified_answer_is_found(rows: pa.Table) -> None:
    wrong = spoil(rows)
    assert wrong.schema == rows.schema
    verdict = same_rows(wrong, rows, 1e-6)
    assert not verdict.same
    assert verdict.differences


def test_a_falsified_quotient_and_cost_are_found() -> None:
    quotient = pa.table({"share": decimals(["0.0364000000"], 10)})
    assert not same_rows(spoil(quotient), pa.table({"share": decimals(["0.036400"], 6)}), 1e-9).same
    cost = pa.table({"cost": [1234.5]})
    assert not same_cost(spoil(cost), cost, 0.1).same


def test_there_must_be_something_to_falsify() -> None:
    with pytest.raises(ValueError, match="choose another"):
        spoil(pa.table({"k": pa.array([], pa.int64())}))
    with pytest.raises(ValueError, match="no number"):
        spoil(pa.table({"k": ["a"]}))
