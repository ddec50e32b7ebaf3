"""How long clusters have been idle, by a clock that nobody sets: the machine's own may jump back and forth.

What was before this engine is known by the wall clock alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime

from services.aws.emr.model import Cluster


class IdleTimes:
    def __init__(self, clock: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        self._clock, self._monotonic = clock, monotonic
        self._began: dict[str, tuple[datetime, float]] = {}  # since when by either clock

    def left(self, cluster: Cluster) -> float | None:
        """Seconds until the cluster ends by its auto-termination policy; None: it does not. A protected one stays."""
        if cluster.idle_since is None:
            self._began.pop(cluster.id, None)
            return None
        began = self._began.get(cluster.id)
        if began is None or began[0] != cluster.idle_since:
            before = max(0.0, (self._clock() - cluster.idle_since).total_seconds())
            began = self._began[cluster.id] = (cluster.idle_since, self._monotonic() - before)
        if cluster.idle_limit is None or cluster.protected:
            return None
        return began[1] + cluster.idle_limit - self._monotonic()

    def keep(self, cluster_ids: Collection[str]) -> None:
        """Forget all other clusters."""
        self._began = {cluster_id: began for cluster_id, began in self._began.items() if cluster_id in cluster_ids}
