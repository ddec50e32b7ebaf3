"""What all clients of Postgres have in common."""

from __future__ import annotations

import asyncpg

# What a statement ends with when Postgres is away, or goes in its middle. The third is said of a connection that was
# ended at the very moment when it was given a statement: https://github.com/MagicStack/asyncpg/issues/1069
GONE = (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError, TimeoutError)


def pool(address: str, most: int) -> asyncpg.Pool:
    """Connections, each for one statement at a time; a statement that takes longer than ten seconds is given up."""
    return asyncpg.create_pool(
        address, min_size=1, max_size=most, command_timeout=10, timeout=5, max_inactive_connection_lifetime=0
    )
