"""Logs that could not be published when their step ended, or that a killed engine left: tried again until they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from services.aws.emr.errands import Errands, Key
from services.aws.emr.model import Cluster, Step

_LONGEST = 3600.0  # seconds between two attempts


@dataclass
class _Attempt:
    cluster: Cluster
    step: Step
    due: float
    pause: float


class LateLogs:
    """One attempt at a time, so that steps which end now come first.

    publish: tries once; whether it is done.  pause: seconds until the second attempt, then twice as long each time.
    """

    def __init__(
        self,
        publish: Callable[[Cluster, Step], bool],
        pause: float,
        monotonic: Callable[[], float],
        wake: Callable[[], None],
    ) -> None:
        self._publish, self._pause, self._monotonic = publish, pause, monotonic
        self._attempts: dict[Key, _Attempt] = {}
        self._errands: Errands[bool] = Errands("late-logs", 1, wake)

    def add(self, cluster: Cluster, step: Step, *, at_once: bool = False) -> None:
        due = self._monotonic() + (0.0 if at_once else self._pause)
        self._attempts[cluster.id, step.id] = _Attempt(cluster, step, due, self._pause)

    def look(self) -> list[Key]:
        """Begin what is due; the steps whose logs have been published since the last look."""
        published = []
        for key in self._errands.done():
            if self._errands.take(key):
                del self._attempts[key]
                published.append(key)
            else:
                attempt = self._attempts[key]
                attempt.due = self._monotonic() + attempt.pause
                attempt.pause = min(2 * attempt.pause, _LONGEST)
        for key, attempt in self._attempts.items():
            if key not in self._errands and attempt.due <= self._monotonic():
                self._errands.send(key, self._publish, attempt.cluster, attempt.step)
        return published

    def due_in(self) -> list[float]:
        """Seconds until each attempt that waits for its time."""
        now = self._monotonic()
        return [attempt.due - now for key, attempt in self._attempts.items() if key not in self._errands]

    def close(self) -> None:
        self._errands.close()
