"""`python -m services.api [--port N]`: serve one instance."""

from __future__ import annotations

import argparse
import os
import sys

import uvicorn

from lakelab.errors import LabError


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="services.api", description="One instance of the lab's API")
    parser.add_argument("--host", default="0.0.0.0")
    parser.add_argument("--port", type=int, default=8000)
    given = parser.parse_args(arguments)
    # Who asks is told by our own log; what serves is nobody's business.
    uvicorn.run(
        "services.api.app:from_environment", factory=True, host=given.host, port=given.port, access_log=False,
        log_config=None, proxy_headers=False, server_header=False, timeout_graceful_shutdown=8, ws="none",
        timeout_keep_alive=75, root_path=os.environ.get("ROOT_PATH", ""),  # where the entrance shows it, such as /api
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except LabError as error:
        print(f"api: {error}", file=sys.stderr)
        sys.exit(1)
