"""What the loads have in common: work in a thread, until it is told to stop or gives up."""

from __future__ import annotations

from threading import Event, Thread

from lakelab.errors import LabError

PATIENCE = 180.0  # seconds that a server may be away


class Load:
    """Work that goes on beside the kills. name: what it is done to.  log: the command that shows what happened there.

    A load says in `_trouble` why it gave up.
    """

    name: str
    log: str

    def __init__(self) -> None:
        self._trouble = ""
        self._over = Event()
        self._thread = Thread(target=self._work, name=self.name, daemon=True)

    def start(self) -> None:
        """Begin. LabError where the servers that it needs are away already."""
        self._prepare()
        self._thread.start()

    def stop(self) -> None:
        """No more of it. LabError when it gave up before."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._trouble:
            raise LabError(f"the load on the {self.name} gave up: {self._trouble}", fix=f"`{self.log}` tells more")

    def _prepare(self) -> None:
        raise NotImplementedError

    def _work(self) -> None:
        raise NotImplementedError
