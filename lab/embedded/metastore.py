"""The tables of Hive's metastore, made once and all together.

Left to itself Hive makes them one by one as it first meets them, inside its own transactions, and locks itself
out on Postgres. DataNucleus' SchemaTool makes them beforehand from the metastore's own mapping.
https://www.datanucleus.org/products/accessplatform_4_1/jdo/schema.html
"""

from __future__ import annotations

import os
import subprocess
import zipfile

from lab.embedded.java import find_java, share_classes
from lab.embedded.jdbc import jdbc_driver
from lab.embedded.place import Place
from lab.embedded.postgres import HIVE, METASTORE, ROLES, Postgres
from lab.embedded.spark import spark_home
from lakelab.errors import LabError

MAPPING = "package.jdo"


def ensure_metastore(place: Place, postgres: Postgres) -> None:
    """Make the metastore's tables unless they are there. A killed attempt is made anew: nothing is kept of it."""
    if _is_made(postgres):
        return
    _empty(postgres)
    folder = place.cache / "metastore"
    folder.mkdir(exist_ok=True)
    jar = next((spark_home() / "jars").glob("hive-metastore-*.jar"))
    with zipfile.ZipFile(jar) as archive:
        archive.extract(MAPPING, folder)
    properties = folder / "datanucleus.properties"
    handle = os.open(properties, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as stream:
        stream.writelines(f"{key}={value}\n" for key, value in _properties(place).items())
    log = place.logs / "metastore.log"
    classes = f"{folder}:{jdbc_driver()}:{spark_home()}/jars/*"
    share_classes(find_java())  # the first Java that a new lab starts is this one
    java = str(find_java().home / "bin" / "java")
    tool = ["org.datanucleus.store.schema.SchemaTool", "-create", "-api", "JDO", "-props", str(properties)]
    with log.open("w") as stream:
        done = subprocess.run(
            [java, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", classes, *tool, str(folder / MAPPING)],
            stdout=stream,
            stderr=subprocess.STDOUT,
            cwd=folder,
            check=False,
        )
    properties.unlink()
    if done.returncode:
        raise LabError("cannot make Hive's metastore", where=METASTORE, fix=f"read {log}")
    _mark_made(postgres)


def _properties(place: Place) -> dict[str, str]:
    # The naming and value strategies are those that Hive 2.3 itself sets.
    return {
        "javax.jdo.PersistenceManagerFactoryClass": "org.datanucleus.api.jdo.JDOPersistenceManagerFactory",
        "javax.jdo.option.ConnectionURL": f"jdbc:postgresql://127.0.0.1:{place.settings.erp_port}/{METASTORE}",
        "javax.jdo.option.ConnectionDriverName": "org.postgresql.Driver",
        "javax.jdo.option.ConnectionUserName": HIVE,
        "javax.jdo.option.ConnectionPassword": place.secrets[ROLES[HIVE]],
        "datanucleus.identifierFactory": "datanucleus1",
        "datanucleus.rdbms.useLegacyNativeValueStrategy": "true",
    }


def _is_made(postgres: Postgres) -> bool:
    connection = postgres.connect(HIVE, METASTORE)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT obj_description(to_regnamespace('public'), 'pg_namespace')")
        (comment,) = cursor.fetchone()
    connection.close()
    return bool(comment == "Hive metastore, complete")


def _mark_made(postgres: Postgres) -> None:
    connection = postgres.connect("postgres", METASTORE)
    with connection, connection.cursor() as cursor:
        cursor.execute("COMMENT ON SCHEMA public IS 'Hive metastore, complete'")
    connection.close()


def _empty(postgres: Postgres) -> None:
    connection = postgres.connect("postgres", METASTORE)
    with connection, connection.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA public CASCADE; CREATE SCHEMA public AUTHORIZATION {HIVE}")
    connection.close()
