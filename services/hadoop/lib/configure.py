"""The servers' configuration, from the templates of the image and the environment of the container.

    configure.py TEMPLATES TARGET

A line `key = value` of `TEMPLATES/<part>/<file>.properties` becomes a property of `TARGET/<part>/conf/<file>.xml`,
the form that Hadoop reads; a `.conf` file keeps its form; what is named after log4j is copied as it is.
`${NAME}` is an environment variable, `${NAME:-default}` one with a default; a line with an unset variable and no
default is left out.
"""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)(?::-([^}]*))?\}")


def lines(template: Path) -> Iterator[str]:
    """The template's lines with variables filled in, without those that an unset one empties."""
    for line in template.read_text().splitlines():
        if all(name in os.environ or "-" in whole for whole, name in _variables(line)):
            yield VARIABLE.sub(lambda m: os.environ.get(m[1]) or m[2] or "", line)


def _variables(line: str) -> list[tuple[str, str]]:
    return [(match[0], match[1]) for match in VARIABLE.finditer(line)]


def xml(template: Path) -> str:
    """The template as Hadoop's XML; the program ends at a line that is neither `key = value` nor a comment."""
    properties = []
    for line in lines(template):
        if not line.strip() or line.startswith("#"):
            continue
        key, equals, value = line.partition(" =")
        if not equals:
            sys.exit(f"configure: {template}: not 'key = value': {line}")
        value = value.removeprefix(" ")
        properties.append(f"  <property><name>{escape(key)}</name><value>{escape(value)}</value></property>\n")
    return f'<?xml version="1.0"?>\n<configuration>\n{"".join(properties)}</configuration>\n'


def write(path: Path, text: str) -> None:
    """Readable by this user alone, as there are keys in it; replaced at once, as a command may be reading it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.write_text("")
    new.chmod(0o600)
    new.write_text(text)
    new.replace(path)


def main(templates: Path, target: Path) -> None:
    for template in sorted(templates.glob("*/*")):
        folder = target / template.parent.name / "conf"
        if "log4j" in template.name:
            write(folder / template.name, template.read_text())
        elif template.suffix == ".properties":
            write(folder / f"{template.stem}.xml", xml(template))
        else:
            write(folder / template.name, "\n".join(lines(template)) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
