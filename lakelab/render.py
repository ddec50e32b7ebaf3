"""What each engine needs to know of the tables, derived from the catalogue.

`python -m lakelab.render` writes the derived files into the repository; a test fails when one of them differs.
"""

from __future__ import annotations

import json
from pathlib import Path

from lakelab.catalogue import DATABASE, TABLES, WAREHOUSE, Column, Kind, Personal, Table
from lakelab.catalogue import table as table_of

POSTGRES = {
    Kind.INT: "integer",
    Kind.TEXT: "text",
    Kind.DATE: "date",
    Kind.DECIMAL: "numeric(4,1)",
    Kind.MONEY: "numeric(12,2)",
    Kind.BOOL: "boolean",
}
HIVE = {
    Kind.INT: "int",
    Kind.TEXT: "string",
    Kind.DATE: "date",
    Kind.DECIMAL: "decimal(4,1)",
    Kind.MONEY: "decimal(12,2)",
    Kind.BOOL: "boolean",
}
GENERATED = "Made from lakelab/catalogue.py by `make render`: change it there."


def erp_tables() -> list[str]:
    """CREATE TABLE of each table, without keys: COPY is fast into bare tables."""
    return [_create_table(table) for table in TABLES]


def _create_table(table: Table) -> str:
    columns = [f'    "{c.name}" {POSTGRES[c.kind]}{"" if c.nullable else " NOT NULL"}' for c in table.columns]
    return f"CREATE TABLE public.{table.name} (\n" + ",\n".join(columns) + "\n)"


def erp_constraints() -> list[str]:
    """Keys, checks and indexes, in an order that holds: all keys come before the references to them."""
    keys = [f"ALTER TABLE public.{t.name} ADD CONSTRAINT {t.name}_pkey PRIMARY KEY (id)" for t in TABLES]
    return keys + [statement for table in TABLES for statement in _constraints(table)]


def _constraints(table: Table) -> list[str]:
    alter = f"ALTER TABLE public.{table.name} ADD CONSTRAINT {table.name}"
    unique = [*table.unique, *((c.name,) for c in table.columns if c.unique)]
    found = [f"{alter}_{'_'.join(names)}_key UNIQUE ({_quoted(names)})" for names in unique]
    for column in table.columns:
        found += [f"{alter}_{column.name}_check CHECK ({rule})" for rule in _rules(column)[:1]]
        if column.references:
            found.append(
                f'{alter}_{column.name}_fkey FOREIGN KEY ("{column.name}") REFERENCES public.{column.references} (id)'
            )
    indexed = [*table.indexes, *((c.name,) for c in table.columns if c.references)]
    covered = {names[0] for names in unique}  # the index behind a unique key serves its first column
    found += [
        f"CREATE INDEX {table.name}_{'_'.join(names)}_idx ON public.{table.name} ({_quoted(names)})"
        for names in indexed
        if names[0] not in covered
    ]
    return found


def _rules(column: Column) -> list[str]:
    rules = []
    name = f'"{column.name}"'
    if column.choices:
        rules.append(f"{name} IN ({', '.join(repr(choice) for choice in column.choices)})")
    elif column.kind is Kind.TEXT:
        rules.append(f"{name} <> ''")  # so that an empty CSV field can only mean NULL
    if column.minimum is not None:
        rules.append(f"{name} >= {column.minimum}")
    if column.maximum is not None:
        rules.append(f"{name} <= {column.maximum}")
    if column.not_before:
        rules.append(f'{name} >= "{column.not_before}"')
    return [" AND ".join(rules)] if rules else []


def _quoted(names: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def erp_grants(owner: str, unloader: str) -> list[str]:
    """Least rights: the owner has the tables, the unloader reads them, nobody else sees the schema."""
    return [
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA public TO {unloader}",
        *(f"ALTER TABLE public.{t.name} OWNER TO {owner}" for t in TABLES),
        *(f"GRANT SELECT ON public.{t.name} TO {unloader}" for t in TABLES),
    ]


def erp_sql() -> str:
    """The ERP's whole DDL as one script."""
    return f"-- {GENERATED}\n" + "".join(f"{s};\n" for s in [*erp_tables(), *erp_constraints()])


def stage_expression(column: Column) -> str:
    """A column as the stage holds it: text keeps one record on one line (\\\\, \\n, \\r are written out)."""
    name = f'"{column.name}"'
    if column.kind is not Kind.TEXT or column.choices:
        return name
    return rf"replace(replace(replace({name}, '\', '\\'), E'\n', '\n'), E'\r', '\r')"


def unload_sql(table: Table) -> str:
    """The SELECT that unloads a table; `/*slice*/` is where a range of pages is put for parallel reads."""
    lines = []
    for column in table.columns:
        expression = stage_expression(column)
        lines.append("    " + (expression if expression == f'"{column.name}"' else f'{expression} AS "{column.name}"'))
    return f"-- {GENERATED}\nSELECT\n" + ",\n".join(lines) + f"\nFROM public.{table.name} /*slice*/\n"


def hive_columns(table: Table) -> list[tuple[str, Kind]]:
    """Columns of the presentation: the students carry their average, which `spark-jobs/students.py` adds."""
    columns = [(c.name, c.kind) for c in table.columns]
    return [*columns, ("average_grade", Kind.MONEY)] if table.name == "students" else columns


def hive_sql() -> str:
    """External tables over the presentation files, and typed views of them, for Spark and HiveServer2."""
    parts = [f"-- {GENERATED}", f"CREATE DATABASE IF NOT EXISTS {WAREHOUSE};", f"USE {WAREHOUSE};"]
    for table in TABLES:
        parts += [_external_table(table), _typed_view(table)]
    return "\n".join(parts) + "\n"


def _external_table(table: Table) -> str:
    columns = ",\n".join(f"    `{name}` string" for name, _ in hive_columns(table))
    # The CSV serde reads every column as a string; the escape character is one that no file contains.
    return f"""
DROP TABLE IF EXISTS {table.name}_csv;
CREATE EXTERNAL TABLE {table.name}_csv (
{columns}
)
COMMENT "{table.doc} As text, as in the file."
ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde'
WITH SERDEPROPERTIES ('separatorChar' = ',', 'quoteChar' = '"', 'escapeChar' = '\\u0001')
STORED AS TEXTFILE
LOCATION 'hdfs://{table.presentation}';"""


def _typed_view(table: Table) -> str:
    columns = ",\n".join(f"    {_typed(name, kind)} AS `{name}`" for name, kind in hive_columns(table))
    return f"DROP VIEW IF EXISTS {table.name};\nCREATE VIEW {table.name} AS SELECT\n{columns}\nFROM {table.name}_csv;"


def _typed(name: str, kind: Kind) -> str:
    if kind is Kind.BOOL:
        return f"CASE `{name}` WHEN 't' THEN true WHEN 'f' THEN false END"
    if kind is not Kind.TEXT:
        return f"CAST(`{name}` AS {HIVE[kind]})"
    unescaped = f"`{name}`"
    for written, meant in ((r"\\\\", r"\u0001"), (r"\\n", r"\n"), (r"\\r", r"\r"), (r"\u0001", r"\\")):
        unescaped = f"replace({unescaped}, '{written}', '{meant}')"
    return f"IF(`{name}` = '', NULL, {unescaped})"


def spark_schema(table: Table) -> str:
    """The table's columns as a Spark DDL string, in the order of the CSV files."""
    return ", ".join(f"`{c.name}` {HIVE[c.kind]}" for c in table.columns)


def data_dictionary() -> str:
    """The page that explains every table and column."""
    parts = ["# Data dictionary", "", f"{GENERATED}", ""]
    parts += [f"The ERP is database `{DATABASE}`, schema `public`; the warehouse is Hive database `{WAREHOUSE}`.", ""]
    for table in TABLES:
        parts += [f"## {table.name}", "", table.doc, ""]
        parts += [f"Topic `{table.topic}`, folder `hdfs://{table.presentation}`.", ""]
        parts += ["| column | type | NULL | personal | meaning |", "|---|---|---|---|---|"]
        parts += [_dictionary_row(column) for column in table.columns]
        parts.append("")
    return "\n".join(parts)


def _dictionary_row(column: Column) -> str:
    meaning = column.doc
    if column.references:
        meaning += f" Refers to `{column.references}`."
    if column.choices:
        meaning += " One of " + ", ".join(f"`{c}`" for c in column.choices) + "."
    personal = "" if column.personal is Personal.NONE else column.personal.value
    nullable = "yes" if column.nullable else ""
    return f"| `{column.name}` | {column.kind.value} | {nullable} | {personal} | {meaning} |"


def flow_catalogue() -> str:
    """What NiFi's processors need to know, as JSON: a line a column, with what becomes of it outside the ERP."""
    tables = []
    for t in TABLES:
        columns = ",\n".join(f"      {json.dumps(_flow_column(t, c))}" for c in t.columns)
        tables.append(f'  "{t.name}": {{\n    "topic": "{t.topic}",\n    "columns": [\n{columns}\n    ]\n  }}')
    return "{\n" + ",\n".join(tables) + "\n}\n"


def _flow_column(of: Table, column: Column) -> dict[str, object]:
    return {
        "name": column.name,
        "kind": column.kind.value,
        "nullable": column.nullable,
        "mask": mask(of, column),
        "choices": column.choices,
        "minimum": column.minimum,
        "maximum": column.maximum,
        "not_before": column.not_before,
    }


def mask(of: Table, column: Column) -> str:
    """What becomes of a column in files of changes: pseudonym:<table of the person>, remove, year, or "" for nothing.

    A number that leads to a person is a pseudonym wherever it stands, so that files can still be joined. Of a
    quasi-identifier only dates are made coarse: the files are pseudonymous, not anonymous (GDPR, recital 26).
    """
    person = column.references or (of.name if column.name == "id" else "")
    if person and table_of(person).column("id").personal is Personal.IDENTIFIER:
        return f"pseudonym:{person}"
    if column.personal in (Personal.IDENTIFIER, Personal.CONTACT):
        return "remove"
    return "year" if column.personal is Personal.QUASI and column.kind is Kind.DATE else ""


def derived_files() -> dict[str, str]:
    """Every committed file that is made from the catalogue: path in the repository → content."""
    return {
        "seed/erp.sql": erp_sql(),
        "hive/1_tables.hql": hive_sql(),
        "docs/data-dictionary.md": data_dictionary(),
        "nifi/labflow/catalogue.json": flow_catalogue(),
        **{f"dags/scripts/unload_{t.name}.sql": unload_sql(t) for t in TABLES},
    }


def main() -> None:
    root = Path(__file__).resolve().parents[1]
    for name, content in derived_files().items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content, encoding="utf-8")
        print(name)


if __name__ == "__main__":
    main()
