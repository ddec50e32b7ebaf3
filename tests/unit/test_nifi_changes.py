"""Changes on their way through NiFi: what is checked, what is masked, and what a file says of itself."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from labflow import envelope, lines, masking, messages
from labflow.messages import Message
from lakelab.pseudonyms import pseudonym

KEY = "00112233445566778899aabbccddeeff"
NOON = 1795867200000  # 2026-11-28T12:00:00Z
STUDENT = {
    "id": 822491, "first_name": "Alexa", "last_name": "Reid", "email": "Alexa.Reid@supinfo.com",
    "personal_email": "Mauris.eu@sempererat.ca", "gender": "Mme", "date_of_birth": "1980-12-02",
    "join_date": "2018-01-24", "left_date": "2021-10-26", "campus_id": 3, "promotion": "MSC1",
    "origin_institution": "Lycée Marie Curie", "status": "dropped_out", "exit_reason": "other school",
    "competing_school": None, "hired_date": None, "hired_company_id": None,
}  # fmt: skip


def change(op: str = "u", before: Any = STUDENT, after: Any = STUDENT, table: str = "students", **source: Any) -> bytes:
    told = {"schema": "public", "table": table, "txId": 771, "lsn": 47647992, "ts_ms": NOON, **source}
    return json.dumps({"before": before, "after": after, "source": told, "op": op}).encode()


def message(
    value: bytes | None, key: bytes | None = b'{"id":822491}', offset: int = 7, table: str = "students"
) -> Message:
    return Message(f"erp.public.{table}", 2, offset, NOON, key, value)


def checked(*received: Message) -> list[dict[str, Any]]:
    """What the flow makes of messages, through the very bytes that it passes on."""
    return list(envelope.check(lines.unpack(messages.content(received))))


def test_messages_are_batches_of_a_partition_in_order_and_each_is_there_once():
    """As they come where partitions went and came back meanwhile: some of them again."""
    first, second, third = (message(change(), offset=number) for number in (7, 8, 10))
    other = message(change(), offset=7, table="campuses")
    assert messages.batches([first, second, first, other, third, second]) == [[other], [first, second, third]]
    assert messages.batches([]) == []


def test_a_change_becomes_a_line_that_begins_with_what_it_is_routed_by():
    (line,) = checked(message(change(before={**STUDENT, "campus_id": 1})))
    assert lines.dump(line).startswith('{"op":"u","dt":"2026-11-28","table":"students","key":822491,"lsn":47647992')
    assert (line["partition"], line["offset"], line["at"]) == (2, 7, "2026-11-28T12:00:00.000Z")
    assert (line["before"]["campus_id"], line["after"]["campus_id"]) == (1, 3)


def test_a_row_read_by_an_incremental_snapshot_may_have_its_place_in_the_sequence_alone():
    (line,) = checked(message(change("r", before=None, lsn=None, sequence='["190592000","190593000"]')))
    assert line["lsn"] == 190593000


def test_a_delete_has_the_former_row_and_its_tombstone_follows():
    deleted, tombstone = checked(message(change("d", after=None)), message(None, offset=8))
    assert (deleted["op"], deleted["after"], deleted["before"]["id"]) == ("d", None, 822491)
    place = {"partition": 2, "offset": 8}
    place = {"partition": 2, "offset": 8}
    assert tombstone == {"op": "tombstone", "dt": "2026-11-28", "table": "students", "key": 822491, **place}


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        (message(b"not JSON"), "not-json"),
        (message(b"\xff\xfe"), "not-json"),
        (message(b""), "not-json"),
        (message(b"[" * 100_000), "not-json"),
        (message(b"[1, 2]"), "wrong-envelope"),
        (message(b'{"op": "u"}'), "wrong-envelope"),
        (message(change(lsn=None)), "wrong-envelope"),
        (message(change(lsn=True)), "wrong-envelope"),
        (message(change(ts_ms=10**18)), "wrong-envelope"),
        (message(change(after=[1])), "wrong-envelope"),
        (message(change(table="grades")), "wrong-table"),
        (message(change(schema="other")), "wrong-table"),
        (message(change("x")), "unknown-operation"),
        (message(change(op=["u"])), "unknown-operation"),
        (message(change("c", before=None, after=None)), "no-row"),
        (message(change("d", before=None, after=None)), "no-row"),
        (message(change(after={"id": 822491})), "missing-column"),
        (message(change(), key=None), "wrong-key"),
        (message(change(), key=b"822491"), "wrong-key"),
        (message(change(), key=b'{"id":1}'), "wrong-key"),
        (message(change(), key=b'{"id":null}'), "wrong-key"),
        (message(change(), table="rooms"), "unknown-table"),
    ],
)
def test_what_is_broken_is_a_dead_letter_with_its_reason_and_holds_up_nothing(broken: Message, code: str):
    good = message(change(), offset=8)
    dead, line = checked(broken, good)
    assert lines.dump(dead).startswith(f'{{"dead":"{code}","dt":"2026-11-28","why":"')
    assert (dead["topic"], dead["partition"], dead["offset"]) == (broken.topic, 2, 7)
    assert line["op"] == "u"


def test_a_dead_letter_holds_what_came_so_that_it_can_be_sent_again():
    text, binary = checked(message(b"not JSON"), message(b"\xff\xfe"))
    assert text["value"] == "not JSON"
    assert base64.b64decode(binary["value_base64"]) == b"\xff\xfe"


def test_text_that_is_no_unicode_passes():
    (line,) = checked(message(change(after={**STUDENT, "exit_reason": "half \ud800 pair"})))
    assert next(lines.unpack(lines.pack([line])))["after"]["exit_reason"] == "half \ud800 pair"


def masked(*received: Message, layout: str = masking.CHANGE) -> tuple[list[dict[str, Any]], dict[str, str]]:
    found = masking.mask(checked(*received), bytes.fromhex(KEY), layout)
    return list(lines.unpack(found.content)), found.attributes


def test_a_student_leaves_without_what_names_or_reaches_one():
    (line,), _ = masked(message(change()))
    assert line["after"] == {
        "id": pseudonym(KEY, 822491), "gender": "Mme", "date_of_birth": "1980-01-01", "join_date": "2018-01-24",
        "left_date": "2021-10-26", "campus_id": 3, "promotion": "MSC1", "origin_institution": "Lycée Marie Curie",
        "status": "dropped_out", "exit_reason": "other school", "competing_school": None, "hired_date": None,
        "hired_company_id": None,
    }  # fmt: skip
    assert line["before"] == line["after"]
    assert line["key"] == pseudonym(KEY, 822491)
    everything = json.dumps(line, ensure_ascii=False)
    for personal in ("822491", "Alexa", "Reid", "supinfo", "sempererat", "1980-12-02"):
        assert personal not in everything


def test_a_number_of_a_person_is_one_pseudonym_wherever_it_stands_and_no_other_persons():
    grade = {"id": 5, "student_id": 822491, "subject": "5DATA", "date": "2020-01-02", "grade": "61.5"}
    lesson = {"id": 6, "subject_id": "5DATA", "date": "2020-01-02", "campus_id": 3, "professor_id": 822491}
    (graded,), _ = masked(message(change("c", None, grade, "grades"), b'{"id":5}', table="grades"))
    (taught,), _ = masked(message(change("c", None, lesson, "lessons"), b'{"id":6}', table="lessons"))
    assert graded["after"]["student_id"] == pseudonym(KEY, 822491)
    by_hand = hmac.new(bytes.fromhex(KEY), b"professors:822491", hashlib.sha256).hexdigest()
    assert taught["after"]["professor_id"] == by_hand
    assert (graded["key"], graded["after"]["grade"]) == (5, "61.5")


def test_a_column_that_the_catalogue_does_not_know_is_withheld_and_told_of():
    (line,), attributes = masked(message(change(after={**STUDENT, "phone": "0601020304"})))
    assert "0601020304" not in json.dumps(line)
    assert attributes["columns.withheld"] == "phone"


def test_a_file_tells_its_table_offsets_places_in_the_log_and_every_key():
    _, attributes = masked(
        message(change(lsn=47647992), offset=7),
        message(change(lsn=(1 << 32) + 255), offset=12),
    )
    assert attributes == {
        "table": "students", "op": "u", "dt": "2026-11-28", "record.count": "2", "keys": " 822491 ",
        "kafka.offset.first": "7", "kafka.offset.last": "12", "lsn.first": "0/2D70CF8", "lsn.last": "1/FF",
        "filename": "students-2-000000000007-u.jsonl",
    }  # fmt: skip


def test_a_batch_is_named_by_its_first_offset_and_tells_its_keys():
    batch = [message(change(), offset=41), message(None, b"broken", 42), message(None, b'{"id":"5DATA"}', 43)]
    found = messages.attributes(batch)
    assert found["filename"] == "erp.public.students-2-000000000041.jsonl"
    assert found["keys"] == " 822491 5DATA "
    assert (found["kafka.offset.first"], found["kafka.offset.last"], found["record.count"]) == ("41", "43", "3")


def test_rows_for_the_warehouse_are_states_and_a_delete_is_marked():
    subject = {"id": "5DATA", "name": "Data Engineering", "level": "MSC2"}
    place = {"key": b'{"id":"5DATA"}', "table": "subjects"}
    found, _ = masked(
        message(change("c", None, subject, "subjects", lsn=10), offset=1, **place),
        message(change("d", subject, None, "subjects", lsn=20), offset=2, **place),
        message(None, offset=3, **place),
        layout=masking.ROW,
    )
    assert found == [
        {**subject, "_op": "c", "_lsn": 10, "_deleted": False},
        {**subject, "_op": "d", "_lsn": 20, "_deleted": True},
    ]
