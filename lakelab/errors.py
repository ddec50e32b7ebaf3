"""The one kind of error that a user can cause, told in one line."""


class LabError(Exception):
    """Something a user can mend.

    what: what went wrong, with the name of the thing.  where: the file, table, step or setting, or "".
    fix: what to do now.  The `lab` command prints `what (where): fix` on one line and exits with 1.
    """

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        self.what, self.where, self.fix = what, where, fix
        super().__init__(str(self))

    def __str__(self) -> str:
        place = f" ({self.where})" if self.where else ""
        todo = f": {self.fix}" if self.fix else ""
        return " ".join(f"{self.what}{place}{todo}".split())


class SnapshotGoneError(LabError):
    """The session that held a snapshot of the ERP has ended: the same moment can never be read again."""

    def __init__(self, snapshot: str) -> None:
        super().__init__(
            "the snapshot is gone", where=snapshot, fix="unload all tables again; what holds it must outlive them"
        )
