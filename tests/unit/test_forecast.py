"""The growth forecast against numbers worked out by other means."""

import pytest

from lakelab.forecast import back_test, forecast, student_t


def test_steady_growth_goes_on_but_damped():
    points = forecast([100, 110, 121, 133.1, 146.41])
    # 10% a year; of its logarithm 90% remain in the first year forecast, then 81%, then 72.9%.
    assert [point.value for point in points] == pytest.approx([159.523, 172.327, 184.726], abs=0.001)
    assert points[0].low_95 == pytest.approx(points[0].value)


def test_interval_is_that_of_a_regression_line():
    # exp(2.7764 * sqrt(s2 * (1 + x' (X'X)^-1 x))) with X of years 0 to 5 and x of year 6, by linear algebra; 2.7764
    # is the 97.5% quantile of t with 4 degrees of freedom in the tables.
    point = forecast([100, 120, 110, 140, 150, 145], 1)[0]
    assert point.high_95 / point.value == pytest.approx(point.value / point.low_95)
    assert point.high_95 / point.value == pytest.approx(1.3575, rel=1e-3)
    assert point.low_95 < point.low_80 < point.value < point.high_80 < point.high_95


def test_intervals_widen():
    widths = [point.high_80 / point.low_80 for point in forecast([100, 120, 110, 140, 150, 145])]
    assert widths == sorted(widths)
    assert len(set(widths)) == 3


def test_too_few_years_are_not_forecast():
    assert forecast([100, 110, 120]) == []
    assert back_test([100, 110, 120, 130]) is None


def test_a_year_without_students_has_no_logarithm_and_is_no_error():
    assert len(forecast([0, 10, 20, 30, 40])) == 3


def test_back_test_uses_earlier_years_alone():
    tested = back_test([100, 100, 100, 100, 100, 130])
    assert tested is not None
    assert (tested.origins, tested.naive) == (2, 15)  # errors 0 and 30
    assert tested.model == pytest.approx(15)  # five flat years forecast 100 for the sixth


@pytest.mark.parametrize(
    ("freedom", "t80", "t95"), [(1, 3.078, 12.706), (2, 1.886, 4.303), (3, 1.638, 3.182), (8, 1.397, 2.306)]
)
def test_quantiles_of_t_are_those_of_the_tables(freedom, t80, t95):
    assert student_t(0.90, freedom) == pytest.approx(t80, rel=0.005)
    assert student_t(0.975, freedom) == pytest.approx(t95, rel=0.005)
