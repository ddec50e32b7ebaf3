"""Nodes that come and go: as they are asked for, by a person or by managed scaling.

Where nodes are worth something (`Shares`), they are there once the cluster has been given the share of that many, and
a cluster starts when it has one; elsewhere at once. For the scheduler's one thread: asking YARN is an errand.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.error import HTTPError

from services.aws.emr import scaling
from services.aws.emr.errands import Errands
from services.aws.emr.model import Cluster, ClusterState
from services.aws.emr.nodes import workers
from services.aws.emr.store import StateStore
from services.aws.emr.yarn_queues import Settled, Shares

_log = logging.getLogger(__name__)
_RETRY_SECONDS = 1.0
_LOOK_SECONDS = 5.0  # between two looks at what clusters need, while one of them works or may be scaled
_SHRINK_SECONDS = 60.0  # for which a cluster must need less before managed scaling takes nodes away
_ERRAND = ("", "shares")
_READY = (ClusterState.RUNNING, ClusterState.WAITING)


class Provisioning:
    """lock: held by whoever decides on a record.  commit: makes changes durable, and wakes the scheduler."""

    def __init__(
        self,
        store: StateStore,
        shares: Shares | None,
        *,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
        lock: threading.RLock,
        commit: Callable[..., None],
        wake: Callable[[], None],
    ) -> None:
        self._store, self._shares, self._clock, self._monotonic = store, shares, clock, monotonic
        self._lock, self._commit = lock, commit
        self._errands: Errands[Settled] = Errands("shares", 1, wake)
        self._asked: dict[str, int | None] = {}  # the workers of each cluster, as they were sent
        self._given: dict[str, int | None] = {}  # and as they are known to be
        self._at_work: frozenset[str] = frozenset()  # the clusters that worked when they were sent
        self._next: float | None = None  # when to look again; None: when something changes
        self._held = False  # whether nothing is sent before that, as it just failed
        self._refused = False  # whether it failed by an answer
        self._low_since: dict[str, float] = {}

    def ready(self, cluster: Cluster) -> bool:
        """Whether the cluster can start: it has its share, or YARN says that it gives none."""
        return self._shares is None or self._refused or cluster.id in self._given

    def due_in(self) -> list[float]:
        """Seconds until it is time to look again."""
        return [] if self._next is None or _ERRAND in self._errands else [self._next - self._monotonic()]

    def close(self) -> None:
        self._errands.close()

    def look(self) -> bool:
        """Whether nodes came or went, or are to."""
        clusters = [each for each in self._store.clusters(live_only=True) if each.state is not ClusterState.TERMINATING]
        if self._shares is None:
            return self._provide(clusters, {})
        moved = False
        if _ERRAND in self._errands:
            if _ERRAND not in self._errands.done():
                return False
            moved = self._take(clusters)
        if not moved:
            self._send(clusters, self._shares)
        return moved

    def _send(self, clusters: list[Cluster], shares: Shares) -> None:
        wanted = {cluster.id: workers(cluster.groups) for cluster in clusters}
        at_work = frozenset(cluster.id for cluster in clusters if cluster.state is ClusterState.RUNNING)
        over = self._next is not None and self._monotonic() >= self._next
        # Who has begun to work finds its queue, even if YARN was started anew meanwhile.
        if over or (not self._held and (wanted != self._given or at_work - self._at_work)):
            self._asked, self._at_work = wanted, at_work
            self._errands.send(_ERRAND, shares.settle, wanted)

    def _take(self, clusters: list[Cluster]) -> bool:
        now = self._monotonic()
        try:
            settled = self._errands.take(_ERRAND)
        except OSError as error:
            if not self._held:
                _log.warning("YARN gives no shares: %s", error)
            self._held, self._next = True, now + _RETRY_SECONDS
            self._refused = isinstance(error, HTTPError)
            return False
        self._held, self._refused, self._given = False, False, self._asked
        look = any(cluster.id in self._at_work or _limits(cluster) for cluster in clusters)
        self._next = now + (_LOOK_SECONDS if settled.whole else _RETRY_SECONDS) if look or not settled.whole else None
        return self._provide(clusters, settled.needs)

    def _provide(self, clusters: list[Cluster], needs: Mapping[str, int]) -> bool:
        """Let nodes come and go that are paid for, and ask for those that the policies want."""
        moved = False
        for each in clusters:
            with self._lock:
                cluster = self._store.cluster(each.id)
                if cluster is None or cluster.state not in _READY:
                    continue
                groups = cluster.groups
                if self._shares is None or self._given.get(cluster.id, 0) == workers(groups):
                    groups = tuple(g if g.settled else g.provisioned(self._clock()) for g in groups)
                if policy := _limits(cluster):
                    groups = scaling.scaled(groups, policy, self._need(cluster, needs.get(cluster.id)))
                if groups != cluster.groups:
                    self._commit(replace(cluster, groups=groups))
                    moved = True
        return moved

    def _need(self, cluster: Cluster, need: int | None) -> int:
        """The nodes that a cluster needs: at once when it needs more, after a while when it needs less."""
        there = workers(cluster.groups) or 0
        if need is None or need >= there:
            self._low_since.pop(cluster.id, None)
            return there if need is None else need
        since = self._low_since.setdefault(cluster.id, self._monotonic())
        if self._monotonic() - since < _SHRINK_SECONDS:
            return there
        del self._low_since[cluster.id]
        return need


def _limits(cluster: Cluster) -> Mapping[str, Any]:
    """The policy of a cluster that managed scaling may change; empty when there is none."""
    policy: Mapping[str, Any] = cluster.request.get("ManagedScalingPolicy") or {}
    return policy if policy.get("ComputeLimits") else {}
