"""`python -m services.market`: post quotes until stopped; with `--show N`: print N and end."""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
import threading
from dataclasses import asdict

from lakelab.errors import LabError
from services.market import source, walk


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="services.market", description="A source of quotes")
    parser.add_argument("--show", type=int, metavar="N", help="print N quotes from EPOCH on and end")
    parser.add_argument("--seed", type=int, default=5)
    given = parser.parse_args(arguments)
    if given.show:
        for tick in walk.ticks(given.seed, 1000, 0, given.show):
            print(json.dumps(asdict(tick)))
        return 0
    logging.basicConfig(level=logging.INFO, format="market: %(message)s")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    source.run(source.load_settings(), stop)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except LabError as error:
        print(f"market: {error}", file=sys.stderr)
        sys.exit(1)
