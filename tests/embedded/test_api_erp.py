"""The ERP's tables as resources, on a real Postgres."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from api_server import TOKENS, Api
from erp_server import Erp


@pytest.fixture
def erp(api: Api, loaded: Erp) -> Iterator[httpx.Client]:
    with api.client(TOKENS.erp) as client:
        yield client


def problem(answer: httpx.Response, status: int) -> str:
    """The sentence of an error."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == status
    return str(document["detail"])


def test_a_row_as_json_with_its_types(erp):
    assert erp.get("/campuses/1").json() == {
        "id": 1, "name": "Paris", "city": "Paris", "region": "Île-de-France", "opened_on": "2000-09-01",
        "capacity": 500, "youth_population": 2400,
    }  # fmt: skip
    assert erp.get("/grades/1").json()["grade"] == 62.0
    assert erp.get("/grades/3").json()["grade"] is None
    assert erp.get("/events/1").json() | {} == {
        "id": 1, "name": "Portes ouvertes", "kind": "open day", "date": "2020-02-01", "campus_id": 1, "cost": 1250.5,
    }  # fmt: skip
    assert erp.get("/attendances/2").json()["present"] is False
    assert erp.get("/students/3").json()["first_name"] == "a\r\nb"


def test_a_text_is_a_key_too(erp):
    assert erp.get("/subjects/5DATA").json()["name"] == "Data Engineering"
    assert problem(erp.get("/subjects/6DATA"), 404) == "subjects: there is no row of this id"


def follow(erp: httpx.Client, address: str) -> list[list[int]]:
    """The ids on each page, by the links."""
    pages = []
    while address:
        document = erp.get(address).json()
        pages.append([row["id"] for row in document["items"]])
        address = document.get("next", "")
    return pages


def test_pages_by_key_in_any_order_with_null_last(erp):
    assert follow(erp, "/students?limit=2") == [[1, 2], [3]]
    assert follow(erp, "/students?limit=2&order=-id") == [[3, 2], [1]]
    assert follow(erp, "/students?limit=1&order=left_date") == [[3], [2], [1]]
    assert follow(erp, "/students?limit=1&order=-left_date") == [[2], [3], [1]]
    assert follow(erp, "/attendances?limit=1&order=present") == [[2], [1], [3]]
    assert follow(erp, "/grades?limit=1&order=grade") == [[1], [2], [3]]


def test_a_row_that_goes_or_comes_does_not_shift_a_page(erp):
    first = erp.get("/grades?limit=1&order=id").json()
    assert erp.delete("/grades/1").status_code == 204
    assert [row["id"] for row in erp.get(first["next"]).json()["items"]] == [2]


def test_filters_by_columns(erp):
    assert follow(erp, "/students?promotion=MSC2&limit=1") == [[1], [2]]
    assert follow(erp, "/students?promotion=MSC2&status=graduated") == [[2]]
    assert follow(erp, "/students?date_of_birth=2001-01-01") == [[3]]
    assert follow(erp, "/grades?grade=100") == [[2]]
    assert follow(erp, "/attendances?present=true") == [[1, 3]]


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/students?colour=red", "query.colour: Extra inputs are not permitted"),
        ("/students?order=colour", "query.order: String should match pattern"),
        ("/students?limit=0", "query.limit: Input should be greater than or equal to 1"),
        ("/students?campus_id=x", "query.campus_id: Input should be a valid integer"),
        ("/students?after=bm90aGluZw", "after: not the mark of a page: take the address in `next` as it is"),
        ("/students?after=WyJpZCIsIngiLDFd", "after: not the mark of a page: take the address in `next` as it is"),
        ("/students/99999999999", "path.key: Input should be less than or equal to 2147483647"),
    ],
)
def test_a_question_that_cannot_be_is_told(erp, address, said):
    assert problem(erp.get(address), 422).startswith(said)


def test_a_page_of_another_order_is_told(erp):
    after = erp.get("/students?limit=1").json()["next"].partition("after=")[2]
    told = "after: this page belongs to another order: begin with the first one"
    assert problem(erp.get(f"/students?order=email&after={after}"), 422) == told


def test_created_changed_replaced_deleted(erp):
    made = erp.post("/grades", json={"student_id": 3, "subject": "5DATA", "date": "2024-01-10", "grade": 71.5})
    assert made.status_code == 201
    assert made.headers["location"] == "/grades/4"
    assert made.json() == {"id": 4, "student_id": 3, "subject": "5DATA", "date": "2024-01-10", "grade": 71.5}
    assert erp.patch("/grades/4", json={"grade": None}).json()["grade"] is None
    whole = {"student_id": 3, "subject": "4ARCH", "date": "2024-01-11", "grade": 12}
    assert erp.put("/grades/4", json=whole).json() == {"id": 4, **whole}
    assert erp.get("/grades/4").json() == {"id": 4, **whole}
    assert erp.delete("/grades/4").status_code == 204
    assert erp.get("/grades/4").status_code == 404
    assert erp.delete("/grades/4").status_code == 404
    assert erp.put("/grades/4", json=whole).status_code == 404


def test_a_key_of_ones_own(erp):
    made = erp.post("/subjects", json={"id": "6LAKE", "name": "Lakes", "level": "MSC2"})
    assert (made.status_code, made.headers["location"]) == (201, "/subjects/6LAKE")
    assert problem(erp.post("/subjects", json={"name": "Lakes", "level": "MSC2"}), 422) == "body.id: Field required"


def test_a_key_in_another_alphabet_has_an_address_that_leads_to_it(erp):
    made = erp.post("/subjects", json={"id": "5ÉTÉ/夏", "name": "Summer", "level": "MSC1"})
    assert (made.status_code, made.headers["location"]) == (201, "/subjects/5%C3%89T%C3%89%2F%E5%A4%8F")
    other = erp.post("/subjects", json={"id": "5夏", "name": "Summer", "level": "MSC1"})
    assert erp.get(other.headers["location"]).json()["id"] == "5夏"


@pytest.mark.parametrize(
    ("method", "address", "body", "status", "said"),
    [
        ("PATCH", "/students/1", {"email": "jl@supinfo.com"}, 409, "students: another row has this email"),
        ("POST", "/attendances", {"lesson_id": 1, "student_id": 1, "present": True}, 409,
         "attendances: another row has this lesson_id and student_id"),
        ("POST", "/campuses", {"id": 1, "name": "Lille", "city": "Lille", "region": "Nord", "opened_on": "2001-09-01",
         "capacity": 5, "youth_population": 9}, 409, "campuses: another row has this id"),
        ("PATCH", "/grades/1", {"student_id": 9}, 422, "grades: student_id names no row of students"),
        ("DELETE", "/students/1", None, 409, "students: rows of attendances still refer to this one by student_id"),
        ("PATCH", "/students/1", {"left_date": "2001-01-01"}, 422,
         "students: left_date must not be before join_date"),
        ("PATCH", "/grades/1", {"grade": 101}, 422, "body.grade: Input should be less than or equal to 100"),
        ("PATCH", "/grades/1", {"grade": 50.55}, 422, "body.grade: Decimal input should have no more than 1 decimal"),
        ("PATCH", "/students/1", {"gender": "Frau"}, 422, "body.gender: Input should be 'Mme' or 'M.'"),
        ("PATCH", "/students/1", {"first_name": ""}, 422, "body.first_name: String should have at least 1 character"),
        ("PATCH", "/students/1", {"first_name": "a\x00"}, 422, "body.first_name: String should match pattern"),
        ("PATCH", "/students/1", {"first_name": None}, 422, "body.first_name: Input should be a valid string"),
        ("PATCH", "/students/1", {"id": 7}, 422, "body.id: Extra inputs are not permitted"),
        ("PATCH", "/students/1", {"campus_id": 2**31}, 422, "body.campus_id: Input should be less than or equal to"),
    ],
)  # fmt: skip
def test_what_the_erp_refuses_is_one_sentence_and_changes_nothing(erp, method, address, body, status, said):
    table = address.split("/")[1]
    before = erp.get(f"/{table}").json()
    found = problem(erp.request(method, address, json=body), status)
    assert found.startswith(said)
    assert "@" not in found
    assert erp.get(f"/{table}").json() == before


def test_a_body_that_is_no_json_is_told(erp):
    headers = {"Content-Type": "application/json"}
    assert problem(erp.patch("/grades/1", content=b"{", headers=headers), 422).startswith("body.1: JSON decode error")


def test_entity_tags(erp):
    row = erp.get("/students/1")
    tag = row.headers["etag"]
    assert erp.get("/students/1", headers={"If-None-Match": tag}).status_code == 304
    assert erp.get("/students/1", headers={"If-None-Match": f'"1", {tag}'}).status_code == 304
    changed = erp.patch("/students/1", json={"promotion": "MSC1"}, headers={"If-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag
    assert erp.get("/students/1", headers={"If-None-Match": tag}).status_code == 200
    told = "students: the row was changed meanwhile: read it again"
    for method, body in (("PATCH", {"promotion": "BSC1"}), ("PATCH", {}), ("PUT", _whole(row.json()))):
        assert problem(erp.request(method, "/students/1", json=body, headers={"If-Match": tag}), 412) == told
    assert problem(erp.delete("/grades/1", headers={"If-Match": '"0"'}), 412).startswith("grades: the row was changed")
    assert erp.get("/students/1").json()["promotion"] == "MSC1"
    assert erp.patch("/students/1", json={"promotion": "BSC1"}, headers={"If-Match": "*"}).status_code == 200
    assert problem(erp.get("/students/1", headers={"If-None-Match": "x"}), 422).startswith("If-None-Match: not a list")


def _whole(row: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in row.items() if name != "id"}


def test_new_rows_at_once_have_ids_of_their_own(erp, api):
    from concurrent.futures import ThreadPoolExecutor

    body = {"student_id": 1, "subject": "5DATA", "date": "2024-01-10", "grade": 50}
    with ThreadPoolExecutor(8) as pool, api.client(TOKENS.erp) as client:
        answers = list(pool.map(lambda _: client.post("/grades", json=body), range(40)))
    assert [answer.status_code for answer in answers] == [201] * 40
    assert sorted(answer.json()["id"] for answer in answers) == list(range(4, 44))


@pytest.mark.parametrize(("token", "status"), [("", 401), ("x" * 31, 401), (TOKENS.reader, 403), (TOKENS.events, 403)])
def test_the_erp_is_for_its_own_role(api, loaded, token, status):
    with api.client(token) as client:
        for method, address in (("GET", "/students"), ("GET", "/students/1"), ("DELETE", "/students/1")):
            answer = client.request(method, address)
            problem(answer, status)
            assert answer.headers["www-authenticate"].startswith('Bearer realm="lakelab"')
    assert loaded.execute("SELECT count(*) FROM public.students") == [(3,)]
