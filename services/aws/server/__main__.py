"""`python -m services.aws.server [aws|embedded|moto] [--port N]`: serve the stack's endpoint, one on a folder of this
machine, or moto behind the same signatures.
"""

from __future__ import annotations

import argparse
import sys

import uvicorn

from lakelab.errors import LabError

# What to serve, where. A container publishes no port itself; what runs on the machine listens to nobody else.
ROLES = {
    "aws": ("services.aws.server.endpoint:from_environment", "0.0.0.0", 4566),
    "embedded": ("services.aws.server.embedded:from_environment", "127.0.0.1", 4566),
    "moto": ("services.aws.server.moto:from_environment", "0.0.0.0", 5000),
}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="services.aws.server", description="The lab's AWS endpoint")
    parser.add_argument("role", nargs="?", choices=sorted(ROLES), default="aws")
    parser.add_argument("--host", help="address to listen at")
    parser.add_argument("--port", type=int)
    given = parser.parse_args(arguments)
    factory, host, port = ROLES[given.role]
    # Our own log line for each call says more than the access log.
    uvicorn.run(
        factory, factory=True, host=given.host or host, port=given.port or port, access_log=False, log_level="warning",
        timeout_graceful_shutdown=5, ws="none",
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except LabError as error:
        print(f"aws: {error}", file=sys.stderr)
        sys.exit(1)
