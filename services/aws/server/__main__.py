"""`python -m services.aws.server [aws|embedded|moto] [--port N]`: serve the stack's endpoint, one on a folder of this
machine, or moto behind the same signatures.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import sys

import uvicorn

from lakelab.errors import LabError
from services.aws.server.settings import console_port

# What to serve, where. A container publishes no port itself; what runs on the machine listens to nobody else.
ROLES: dict[str, tuple[str, str, int]] = {
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
    ports = [given.port or port, *([console_port(os.environ)] if given.role == "aws" else [])]
    # Our own log line for each call says more than the access log.
    config = uvicorn.Config(
        factory, factory=True, access_log=False, log_level="warning", timeout_graceful_shutdown=5, ws="none"
    )
    server = uvicorn.Server(config)
    with contextlib.suppress(KeyboardInterrupt):
        server.run([_bound(given.host or host, number) for number in ports])
    return 0 if server.started else 3


def _bound(host: str, port: int) -> socket.socket:
    """Bound, and not listening yet: the server listens when the engine is there, and refuses until then."""
    # asyncio sends small answers at once (TCP_NODELAY) only where the protocol is named: 40 ms of a call otherwise.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise LabError(
            f"cannot listen: {error.strerror}", where=f"{host}:{port}", fix="end what listens there"
        ) from None
    return bound


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except LabError as error:
        print(f"aws: {error}", file=sys.stderr)
        sys.exit(1)
