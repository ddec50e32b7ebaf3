"""No published number tells of one to four persons."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakelab.anonymity import K, check, fold, hide, mean
from lakelab.errors import LabError


def test_large_groups_keep_their_names():
    assert fold({"Lyon": 5, "Paris": 90}, "other") == {"Lyon": "Lyon", "Paris": "Paris"}


def test_small_groups_become_one():
    folded = fold({"Lyon": 3, "Nice": 4, "Paris": 90}, "other")
    assert folded == {"Lyon": "other", "Nice": "other", "Paris": "Paris"}


def test_a_single_small_group_takes_the_next_smallest_with_it():
    folded = fold({"Lyon": 2, "Nice": 7, "Paris": 90}, "other")
    assert folded == {"Lyon": "other", "Nice": "other", "Paris": "Paris"}


def test_an_empty_group_tells_of_nobody():
    assert fold({"Lyon": 0, "Paris": 90}, "other") == {"Lyon": "Lyon", "Paris": "Paris"}


def test_fewer_than_k_in_all_are_not_published():
    assert fold({"Lyon": 1, "Nice": 3}, "other") == {}
    assert fold({}, "other") == {}


@given(st.dictionaries(st.text("aé \x00", min_size=1, max_size=3), st.integers(0, 30), max_size=12))
def test_folding_leaves_no_small_group_and_loses_nobody(sizes):
    labels = fold(sizes, "all the others")
    published: dict[str, int] = {}
    for group, label in labels.items():
        published[label] = published.get(label, 0) + sizes[group]
    assert all(size == 0 or size >= K for size in published.values())
    if sum(sizes.values()) >= K:
        assert sum(published.values()) == sum(sizes.values())


def test_counts_below_k_are_hidden():
    assert [hide(count) for count in (0, 1, 4, 5)] == [0, None, None, 5]


def test_a_mean_needs_k_persons_and_rounds_halves_up():
    assert mean(24_000, 4, 100, 2) is None
    assert mean(31_215, 5, 100, 2) == 62.43
    assert mean(25_025, 10, 100, 2) == 25.03  # 25.025


def test_a_mart_with_a_small_group_is_refused():
    with pytest.raises(LabError, match=r"column hires tells of 4 persons.*mart_companies"):
        check([{"hires": 9}, {"hires": 4}], "mart_companies", ["hires"])


def test_a_mart_of_large_empty_and_hidden_groups_passes():
    check([{"hires": 5}, {"hires": 0}, {"hires": None}], "mart_companies", ["hires"])
