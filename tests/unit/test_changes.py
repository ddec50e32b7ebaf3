"""Changes of the ERP as Debezium sends them: replays, deletions, long texts that were not sent, what is no change."""

import json
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakelab.catalogue import CAMPUSES, EVENTS, SUBJECTS
from lakelab.changes import UNCHANGED, Change, PoisonousMessageError, Version, apply, read_change

LYON = {
    "id": 4,
    "name": "Lyon",
    "city": "Lyon",
    "region": "Rhône",
    "opened_on": "2001-09-03",
    "capacity": 900,
    "youth_population": 1500,
}


def message(op="u", after=None, lsn=100, key=4, **more):
    source = {"lsn": lsn, "ts_ms": 1_700_000_000_000, "table": "campuses"}
    value = {"before": None, "after": after, "op": op, "source": source, "ts_ms": 1_700_000_000_900, **more}
    return json.dumps({"id": key}).encode(), json.dumps(value).encode()


def test_a_row_with_its_place_in_the_log_and_the_time_of_its_commit():
    read = {**LYON, "opened_on": date(2001, 9, 3), "extra": None}

    assert read_change(CAMPUSES, *message(after=LYON), offset=7) == Change(4, 7, 100, 1_700_000_000_000, "u", read)


@pytest.mark.parametrize("op", ["r", "c", "u"])
def test_reading_creating_and_updating_all_say_what_the_row_is(op):
    change = read_change(CAMPUSES, *message(op, LYON))

    assert (change.op, change.row["city"]) == (op, "Lyon")


def test_a_deletion_has_no_row():
    assert read_change(CAMPUSES, *message("d")) == Change(4, 0, 100, 1_700_000_000_000, "d", None)


def test_a_tombstone_is_no_change():
    assert read_change(CAMPUSES, b'{"id": 4}', None) is None


def test_messages_with_a_schema_say_the_same():
    key, value = (json.dumps({"schema": {}, "payload": json.loads(part)}).encode() for part in message(after=LYON))

    assert read_change(CAMPUSES, key, value) == read_change(CAMPUSES, *message(after=LYON))


def test_a_new_column_of_the_erp_is_kept_as_json():
    read = read_change(CAMPUSES, *message(after={**LYON, "dean": "Zoé", "area": None}))

    assert read.row["extra"] == '{"area": null, "dean": "Zoé"}'


def test_dates_and_decimals_are_what_they_are_and_nothing_is_rounded():
    row = {"id": 4, "name": "Fair", "kind": "fair", "date": "2020-02-29", "campus_id": 1, "cost": "14.50"}

    read = read_change(EVENTS, *message(after=row)).row

    assert (read["date"], str(read["cost"])) == (date(2020, 2, 29), "14.50")
    for wrong in ("14.505", "12345678901.00", "NaN", "much", 14.5):
        with pytest.raises(PoisonousMessageError, match="its cost is no money"):
            read_change(EVENTS, *message(after={**row, "cost": wrong}))
    with pytest.raises(PoisonousMessageError, match="its date is no date"):
        read_change(EVENTS, *message(after={**row, "date": "2021-02-29"}))


def test_an_empty_text_is_not_null():
    name = next(column.name for column in SUBJECTS.columns if not column.nullable and column.name != "id")
    row = {column.name: "" for column in SUBJECTS.columns} | {"id": "5DATA"}

    assert read_change(SUBJECTS, *message(after=row, key="5DATA")).row[name] == ""
    with pytest.raises(PoisonousMessageError, match=f"has no value for {name}"):
        read_change(SUBJECTS, *message(after=row | {name: None}, key="5DATA"))


def test_a_row_read_by_an_incremental_snapshot_may_have_its_place_in_the_sequence_alone():
    source = {"lsn": None, "sequence": '["190592000","190593000"]', "ts_ms": 1_700_000_000_000, "table": "campuses"}
    assert read_change(CAMPUSES, *message("r", after=LYON, source=source)).lsn == 190593000


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        (None, message(after=LYON)[1], "it has no key"),
        (b'{"id": "4"}', message(after=LYON)[1], "its key has no `id` of the table's kind"),
        (b'{"id": true}', message(after=LYON)[1], "its key has no `id` of the table's kind"),
        (b'{"id": 4}', b"\xff\xfe", "its value is no JSON"),
        (b'{"id": 4}', b"[1]", "its value is no JSON object"),
        (b'{"id": 5}', message(after=LYON)[1], "its row has the id 4, its key 5"),
        (*message("t"), "its operation is 't', not one of r, c, u, d"),
        (*message(after=LYON, lsn=None), "its source has no whole numbers `lsn` and `ts_ms`"),
        (*message(after=LYON, source=None), "its source has no whole numbers `lsn` and `ts_ms`"),
        (*message(), "it has no row `after` the change"),
        (*message(after={"id": 4}), "its row lacks name, city, region, opened_on, capacity, youth_population"),
        (*message(after={**LYON, "city": None}), "its row has no value for city"),
        (*message(after={**LYON, "city": 4}), "its city is no text"),
        (*message(after={**LYON, "capacity": True}), "its capacity is no int"),
        (*message(after={**LYON, "capacity": 1.5}), "its capacity is no int"),
    ],
)
def test_what_is_no_change_says_why(key, value, reason):
    with pytest.raises(PoisonousMessageError) as refused:
        read_change(CAMPUSES, key, value)

    assert f"a message is no change of campuses: {reason}" in str(refused.value)


def change(offset, row, key=1):
    """Places in the log go the other way: it is the place in the topic that counts."""
    return Change(key, offset, 1000 - offset, offset * 10, "d" if row is None else "u", row)


def test_a_replay_changes_nothing():
    changes = [change(1, {"id": 1, "v": "a"}), change(2, {"id": 1, "v": "b"})]
    state = {}

    assert apply(state, changes) == changes
    assert apply(state, changes) == []
    assert state == {1: Version(2, 998, 20, {"id": 1, "v": "b"})}


def test_a_replayed_insert_does_not_bring_a_deleted_row_back():
    state = {}
    apply(state, [change(1, {"id": 1, "v": "a"}), change(2, None)])

    assert apply(state, [change(1, {"id": 1, "v": "a"})]) == []
    assert state == {1: Version(2, 998, 20, None)}


def test_a_key_that_comes_again_after_its_deletion_is_a_row_again():
    state = {}
    apply(state, [change(1, {"id": 1, "v": "a"}), change(2, None), change(3, {"id": 1, "v": "c"})])

    assert state == {1: Version(3, 997, 30, {"id": 1, "v": "c"})}


def test_a_changed_key_is_a_deletion_and_a_creation():
    state = {}
    apply(state, [change(1, {"id": 1, "v": "a"}), change(2, None, key=1), change(3, {"id": 9, "v": "a"}, key=9)])

    assert state == {1: Version(2, 998, 20, None), 9: Version(3, 997, 30, {"id": 9, "v": "a"})}


def test_a_long_text_that_was_not_sent_stays_as_it_was_and_history_has_it_too():
    state = {}
    long = "x" * 1_000_000

    applied = apply(state, [change(1, {"id": 1, "v": long, "n": 1}), change(2, {"id": 1, "v": UNCHANGED, "n": 2})])

    assert state[1].row == {"id": 1, "v": long, "n": 2}
    assert applied[1].row == {"id": 1, "v": long, "n": 2}


@pytest.mark.parametrize("before", [[], [change(1, None)]])
def test_a_long_text_that_nobody_knows_is_never_made_up(before):
    state = {}
    apply(state, before)
    known = dict(state)

    with pytest.raises(PoisonousMessageError, match="leaves out v, and no version before it is known"):
        apply(state, [change(2, {"id": 1, "v": UNCHANGED})])
    assert state == known


@st.composite
def histories(draw):
    """What was done to an ERP's rows, as changes in order, and the rows that are there in the end."""
    rows, changes = {}, []
    for offset in range(1, draw(st.integers(1, 12)) + 1):
        key = draw(st.integers(1, 4))
        if key in rows and draw(st.booleans()):
            del rows[key]
            changes.append(change(offset, None, key))
            continue
        kept = key in rows and draw(st.booleans())
        number = draw(st.one_of(st.none(), st.just(""), st.text(alphabet="é\0b", max_size=2)))
        text = rows[key]["text"] if kept else draw(st.text(alphabet="ab", max_size=2))
        rows[key] = {"id": key, "number": number, "text": text}
        changes.append(change(offset, {"id": key, "number": number, "text": UNCHANGED if kept else text}, key))
    return rows, changes


# A busy machine draws slowly.
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(histories(), st.data())
def test_however_often_a_reader_starts_again_the_rows_are_those_of_the_erp(history, data):
    """Readers die and begin again at an earlier offset; keys in different partitions overtake each other."""
    rows, changes = history
    state, applied = {}, []
    for key in data.draw(st.permutations([1, 2, 3, 4])):
        partition = [c for c in changes if c.key == key]
        at = 0
        while at < len(partition):
            end = data.draw(st.integers(at + 1, len(partition)))
            applied += apply(state, partition[data.draw(st.integers(0, at)) : end])
            at = end

    assert {key: version.row for key, version in state.items() if version.row is not None} == rows
    assert sorted((c.key, c.offset) for c in applied) == sorted(
        (c.key, c.offset) for c in changes
    )  # none lost, none doubled
