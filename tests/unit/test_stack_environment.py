"""`.env.local`: made once, completed later, never changed; ports that are free."""

from __future__ import annotations

import base64
import json
import os
import re
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab import ports
from lab.stack.environment import PORTS, SECRETS, SETTINGS, change_ports, ensure_environment, read_environment
from lakelab.errors import LabError
from lakelab.settings import REPOSITORY


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".env.local"


@pytest.fixture(autouse=True)
def register(tmp_path_factory, monkeypatch) -> Path:
    found = tmp_path_factory.mktemp("register") / "ports"
    monkeypatch.setattr(ports, "register_path", lambda: found)
    return found


def test_a_new_file_has_every_key_and_is_for_its_owner_alone(path):
    made = ensure_environment(path)
    assert set(made.values) == {"COMPOSE_PROJECT_NAME", *PORTS, *SETTINGS, *SECRETS}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir()] == [".env.local"]
    assert made["LAB_BUCKET"] == "5data-bucket"


def test_keys_have_the_forms_that_their_readers_want(path):
    made = ensure_environment(path)
    assert re.fullmatch(r"AKIA[A-Z2-7]{16}", made["AWS_ACCESS_KEY_ID"])
    assert re.fullmatch(r"[A-Za-z0-9]{40}", made["AWS_SECRET_ACCESS_KEY"])
    assert 3 <= len(made["MINIO_ROOT_USER"]) <= 20
    assert 8 <= len(made["MINIO_ROOT_PASSWORD"]) <= 40
    assert len(base64.urlsafe_b64decode(made["AIRFLOW_FERNET_KEY"])) == 32
    assert len(bytes.fromhex(made["PSEUDONYM_KEY"])) == 32
    assert len(bytes.fromhex(made["AIRFLOW_JWT_SECRET"])) >= 32
    # Compose and shells would read more into such a character.
    assert not [name for name, value in made.values.items() if re.search(r"[$'\"\\#\s]", value)]


def test_two_clones_share_no_secret_and_no_name(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, other = (ensure_environment(tmp_path / name / ".env.local") for name in "ab")
    assert not [name for name in (*SECRETS, "COMPOSE_PROJECT_NAME") if one[name] == other[name]]
    assert re.fullmatch(r"lakelab-[0-9a-f]{6}", one.project)


def test_a_second_call_changes_nothing(path):
    ensure_environment(path)
    before = path.read_text()
    ensure_environment(path)
    assert path.read_text() == before


def test_missing_keys_are_added_and_what_the_user_wrote_stays(path):
    ensure_environment(path)
    kept = [line for line in path.read_text().splitlines() if not line.startswith(("HOME_PASSWORD", "AIRFLOW_PORT"))]
    kept = [line if not line.startswith("YARN_PORT") else "YARN_PORT=18088" for line in kept] + ["# mine", "MINE=1"]
    path.write_text("\n".join(kept))  # and no line end
    made = ensure_environment(path)
    assert path.read_text().splitlines()[: len(kept)] == kept
    assert (made["YARN_PORT"], made["MINE"]) == ("18088", "1")
    assert len(made["HOME_PASSWORD"]) == 14
    assert made.port("AIRFLOW_PORT") >= PORTS["AIRFLOW_PORT"]


def test_a_file_that_others_could_read_is_closed(path):
    ensure_environment(path)
    path.chmod(0o644)
    ensure_environment(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_port_that_is_taken_is_passed_over(path, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setitem(PORTS, "AIRFLOW_PORT", port)
        monkeypatch.setitem(PORTS, "YARN_PORT", port)
        made = ensure_environment(path)
    assert port < made.port("AIRFLOW_PORT") < made.port("YARN_PORT")
    assert len(set(made.ports.values())) == len(PORTS)


@pytest.mark.parametrize(
    ("line", "message"),
    [("AIRFLOW_PORT=http", "AIRFLOW_PORT=http is not a port"), ("AIRFLOW_PORT=70000", "is not a port")],
)
def test_a_port_that_is_none_is_one_line(path, line, message):
    ensure_environment(path)
    path.write_text(re.sub(r"AIRFLOW_PORT=.*", line, path.read_text()))
    with pytest.raises(LabError, match=message):
        _ = read_environment(path).ports


def test_a_broken_line_is_told_with_its_number(path):
    path.write_text("# one\nnonsense\n")
    with pytest.raises(LabError, match=r"not KEY=value.*env\.local:2"):
        ensure_environment(path)


def test_reading_without_a_file_says_what_to_do(path):
    with pytest.raises(LabError, match="run `make up`"):
        read_environment(path)


def at_once(paths: list[Path], register: Path, name: str) -> list[str]:
    """Each file by a process of its own, all at the same time; what each one reads under `name`."""
    script = (
        "import sys; from lab.stack.environment import *; print(ensure_environment(Path(sys.argv[1]))[sys.argv[2]])"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(path), name],
            stdout=subprocess.PIPE, text=True, cwd=REPOSITORY, env={**os.environ, "TMPDIR": str(register)},
        )
        for path in paths
    ]  # fmt: skip
    return [process.communicate(timeout=60)[0].strip() for process in running]


def test_many_at_once_make_one_file(path, tmp_path_factory):
    said = at_once([path] * 6, tmp_path_factory.mktemp("register"), "HOME_PASSWORD")
    assert set(said) == {read_environment(path)["HOME_PASSWORD"]}


def test_clones_that_start_at_once_do_not_choose_the_same_ports(tmp_path, tmp_path_factory):
    paths = [tmp_path / f"clone{number}" / ".env.local" for number in range(6)]
    for path in paths:
        path.parent.mkdir()
    at_once(paths, tmp_path_factory.mktemp("register"), "AIRFLOW_PORT")
    chosen = [port for path in paths for port in read_environment(path).ports.values()]
    assert len(set(chosen)) == 6 * len(PORTS)


def test_a_clone_whose_file_was_deleted_gets_its_ports_again(path):
    before = ensure_environment(path).ports
    path.unlink()
    assert ensure_environment(path).ports == before


def test_ports_of_a_stack_that_never_started_are_given_to_others_in_time(tmp_path, monkeypatch):
    (tmp_path / "other").mkdir()
    (tmp_path / "third").mkdir()
    first = ensure_environment(tmp_path / ".env.local").ports
    assert not set(first.values()) & set(ensure_environment(tmp_path / "other" / ".env.local").ports.values())
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + ports.KEPT_SECONDS)
    assert ensure_environment(tmp_path / "third" / ".env.local").ports == first


def test_a_register_that_was_left_half_written_is_made_anew(path, register):
    register.write_text('{"/a/clone/.env.local": [[8080')
    made = ensure_environment(path)
    assert json.loads(register.read_text())[str(path)][0] == list(made.ports.values())


def test_the_register_is_for_its_owner_alone(path, register):
    ensure_environment(path)
    assert stat.S_IMODE(register.stat().st_mode) == 0o600


def test_a_link_in_place_of_the_register_is_not_followed(path, register, tmp_path):
    register.symlink_to(tmp_path / "precious")
    with pytest.raises(LabError, match="delete it"):
        ensure_environment(path)
    assert not (tmp_path / "precious").exists()


def test_git_ignores_it():
    assert subprocess.run(["git", "check-ignore", "-q", ".env.local"], cwd=REPOSITORY, check=False).returncode == 0


def test_ports_change_when_asked_for_and_nothing_else_does(path):
    before = ensure_environment(path)
    path.write_text(path.read_text() + "# a note\n")
    assert change_ports(before, []) == {}
    chosen = change_ports(before, ["AWS_PORT", "ERP_PORT"])
    after = read_environment(path)
    assert chosen == {name: after.port(name) for name in ("AWS_PORT", "ERP_PORT")}
    assert not set(chosen.values()) & set(before.ports.values())
    assert {k: v for k, v in after.values.items() if k not in chosen} == {
        k: v for k, v in before.values.items() if k not in chosen
    }
    assert path.read_text().endswith("# a note\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
