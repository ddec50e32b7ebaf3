"""The list of the API's instances that Nginx is given: nginx/upstreams.sh, with names and an Nginx of the test's."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from polling import poll_until

from lakelab.settings import REPOSITORY

SCRIPT = REPOSITORY / "nginx" / "upstreams.sh"
# Takes its time while there is a file `slow`, as a name server that asks others does, and answers what is true then.
GETENT = """#!/bin/sh
touch "$HERE/asked"
while [ -e "$HERE/slow" ]; do sleep 0.05; done
cat "$HERE/names" 2>/dev/null
"""
# Refuses, as one that has not started, while there is a file `down`; else notes what it read.
NGINX = """#!/bin/sh
[ ! -e "$HERE/down" ] || { touch "$HERE/refused"; exit 1; }
cp "$UPSTREAMS_LIST" "$HERE/read.new" && mv "$HERE/read.new" "$HERE/read"
"""
NOBODY = "server 127.0.0.1:1;\n"
BOTH = "server 172.18.0.7:8000 max_fails=1 fail_timeout=3s;\nserver 172.18.0.9:8000 max_fails=1 fail_timeout=3s;\n"


class Entrance:
    def __init__(self, folder: Path) -> None:
        self.folder, self.list = folder, folder / "servers.conf"
        (folder / "bin").mkdir()
        for name, script in (("getent", GETENT), ("nginx", NGINX)):
            (folder / "bin" / name).write_text(script)
            (folder / "bin" / name).chmod(0o755)

    @property
    def environment(self) -> dict[str, str]:
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        own = {"HERE": str(self.folder), "UPSTREAMS_LIST": str(self.list), "UPSTREAMS_PAUSE": "0.05"}
        return {**os.environ, **own, "PATH": path}

    def once(self) -> None:
        subprocess.run(["sh", SCRIPT, "once"], env=self.environment, check=True, timeout=30)

    def mark(self, name: str) -> Path:
        (self.folder / name).touch()
        return self.folder / name

    def instances(self, *addresses: str) -> None:
        """As `getent ahostsv4` tells them: each for every kind of socket."""
        kinds = ("STREAM", "DGRAM", "RAW")
        text = "".join(f"{address:15} {kind} api\n" for address in addresses for kind in kinds)
        (self.folder / "names.new").write_text(text)
        (self.folder / "names.new").rename(self.folder / "names")

    def has_read(self, wanted: str) -> None:
        read = self.folder / "read"
        poll_until(lambda: read.exists() and read.read_text() == wanted, "Nginx to read the list", 30)


@pytest.fixture
def entrance(tmp_path: Path) -> Entrance:
    return Entrance(tmp_path)


@pytest.fixture
def watched(entrance: Entrance) -> Iterator[Entrance]:
    """Nginx began with nobody, at a first look that takes long, and a watch over it."""
    entrance.once()
    assert entrance.list.read_text() == NOBODY
    (entrance.folder / "asked").unlink()
    entrance.mark("slow")
    watch = subprocess.Popen(["sh", SCRIPT, "watch"], env=entrance.environment)
    try:
        poll_until((entrance.folder / "asked").exists, "the watch to look")
        yield entrance
    finally:
        watch.kill()
        (entrance.folder / "slow").unlink(missing_ok=True)
        watch.wait(10)


def test_instances_that_come_during_the_first_look_are_told_to_nginx(watched: Entrance):
    watched.instances("172.18.0.9", "172.18.0.7")
    (watched.folder / "slow").unlink()
    watched.has_read(BOTH)


def test_an_nginx_that_did_not_take_the_list_is_told_again(watched: Entrance):
    down = watched.mark("down")
    watched.instances("172.18.0.9", "172.18.0.7")
    (watched.folder / "slow").unlink()
    poll_until((watched.folder / "refused").exists, "a try in vain")
    down.unlink()
    watched.has_read(BOTH)


def test_of_a_name_that_leads_nowhere_the_last_list_stays(watched: Entrance):
    watched.instances("172.18.0.9", "172.18.0.7")
    (watched.folder / "slow").unlink()
    watched.has_read(BOTH)
    watched.instances()
    (watched.folder / "asked").unlink()
    poll_until((watched.folder / "asked").exists, "another look")
    watched.instances("172.18.0.7")
    watched.has_read(BOTH.splitlines(keepends=True)[0])
    assert NOBODY not in watched.list.read_text()


def test_nginx_begins_with_those_that_are_there(entrance: Entrance):
    entrance.instances("172.18.0.9", "172.18.0.7")
    entrance.once()
    assert entrance.list.read_text() == BOTH
