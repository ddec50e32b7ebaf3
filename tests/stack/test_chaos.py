"""`lab chaos` on the live stack: twenty kills of all that real time stands on, under load; nothing comes of them."""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from live import Live
from polling import poll_until
from small_disk import small_disk

from lab.chaos.changes import Changes
from lab.chaos.events import Events
from lab.chaos.run import ended, loads
from lab.live.cluster import topics
from lab.stack import compose

KILLS = 20
STANDS_ON = {"kafka-1", "kafka-2", "kafka-controller", "connect", "postgres", "api", "nginx"}


def test_twenty_kills_lose_nothing_double_nothing_and_keep_the_order(live: Live):
    out = live.succeed("chaos", "--kills", str(KILLS), "--every", "1")
    print(f"\n{out}")
    killed = re.findall(r"^ *\d+ s  (\S+) +killed, well again after", out, re.MULTILINE)
    assert len(killed) == KILLS
    assert set(killed) >= STANDS_ON
    transactions, events = (int(n.replace(",", "")) for n in re.findall(r"(\d[\d,]*) (?:transactions|events)", out))
    assert transactions > 500
    assert events > 200
    assert "none lost, none doubled, all in order" in out
    assert "✗" not in live.succeed("verify", "--live")


def test_who_does_not_run_cannot_be_killed(live: Live):
    done = live.lab("chaos", "kafka-9")
    assert done.returncode == 1
    assert "no service kafka-9 runs" in done.stderr


def test_a_broker_whose_disk_is_full_ends_and_goes_on_when_there_is_room_and_nothing_is_lost(
    live: Live, tmp_path: Path
):
    with small_disk(live, "kafka-2", tmp_path) as disk:
        _in_sync(live)
        with loads(live.stack) as (changes, events):
            _under_way(changes, events)
            disk.fill()
            poll_until(lambda: not live.container("kafka-2").well, "the broker to end", 180)
            assert "No space left on device" in live.succeed("stack", "logs", "kafka-2", "--tail", "500")
            _go_on(changes, events)
            disk.clear()
            live.well_again("kafka-2")
            _in_sync(live)
            assert ended(changes, events) == ()
    _in_sync(live)
    assert "✗" not in live.succeed("verify", "--live")


def test_brokers_that_come_back_with_each_others_addresses_are_not_taken_for_each_other(live: Live):
    with loads(live.stack) as (changes, events):
        _under_way(changes, events)
        _swap_addresses(live, "kafka-1", "kafka-2")
        _go_on(changes, events)
        assert ended(changes, events) == ()
    _in_sync(live)
    assert "✗" not in live.succeed("verify", "--live")


def _under_way(changes: Changes, events: Events) -> None:
    poll_until(lambda: changes.done and events.sent, "the loads to be under way")


def _go_on(changes: Changes, events: Events) -> None:
    done, sent = changes.done, events.sent
    poll_until(lambda: changes.done > done + 100 and events.sent > sent + 50, "both loads to go on", 180)


def _swap_addresses(live: Live, one: str, other: str) -> None:
    """Stop both and start them with each other's addresses: the engine gives away the lowest free one first."""

    def address(service: str) -> IPv4Address:
        (network,) = live.inspect(service)["NetworkSettings"]["Networks"].values()
        return IPv4Address(network["IPAddress"])

    ids, before = {name: live.container(name).id for name in (one, other)}, (address(one), address(other))
    compose.docker("stop", *ids.values())
    for name in (one, other) if before[0] > before[1] else (other, one):
        compose.docker("start", ids[name])
    after = (address(one), address(other))
    for name in ids:
        live.well_again(name)
    if after != before[::-1]:
        pytest.skip(f"this engine gives out addresses in an order of its own ({before}, then {after}): none to swap")


def _in_sync(live: Live) -> None:
    """Both brokers have all of every topic."""
    poll_until(lambda: not any(topic.lagging for topic in topics(live.stack.kafka, every=True)), "all replicas", 300)
