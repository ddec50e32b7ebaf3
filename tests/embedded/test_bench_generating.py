"""The generator against Faker, in processes of their own as the benchmark runs them."""

from __future__ import annotations

from bench.generating import generator_against_faker


def test_generator_and_faker_side_by_side() -> None:
    section = generator_against_faker(100, 1, 2, lambda what: None)
    faker, one, two = (dict(zip(section.columns, row, strict=True)) for row in section.rows)
    assert (faker["as fast as Faker"], faker["as many as Faker"]) == ("1", "1")
    assert one["rows"] == two["rows"]
    assert one["as fast as Faker"].endswith(" x")
