"""`lab chaos` on the live stack: twenty kills of all that real time stands on, under load; nothing comes of them."""

from __future__ import annotations

import re

from live import Live

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
