"""SQL with light colouring: a small tokenizer that marks keywords, functions, strings, numbers and comments."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

_WORDS = (
    "all and as asc between by case cast cross current date desc distinct else end exists false first following from "
    "full group having if in inner interval is join last lateral left like limit not null nulls offset on or order "
    "outer over partition preceding range right rows select then true unbounded union using when where with"
)
_KEYWORDS = frozenset(_WORDS.split())
_TOKEN = re.compile(
    r"(?P<comment>--[^\n]*|/\*.*?\*/)|(?P<string>'(?:[^']|'')*')|(?P<quoted>`[^`]*`|\"[^\"]*\")"
    r"|(?P<number>\b\d+(?:\.\d+)?\b)|(?P<word>[A-Za-z_]\w*)(?P<call>(?=\s*\())?",
    re.DOTALL,
)


def highlight(sql: str) -> Markup:
    """The SQL as safe HTML: every character escaped, tokens in `<span class="…">`."""
    parts: list[str] = []
    done = 0
    for token in _TOKEN.finditer(sql):
        parts.append(str(escape(sql[done : token.start()])))
        done = token.end()
        kind, text = _kind(token), str(escape(token[0]))
        parts.append(f'<span class="{kind}">{text}</span>' if kind else text)
    parts.append(str(escape(sql[done:])))
    return Markup("".join(parts))  # every part is escaped above


def _kind(token: re.Match[str]) -> str:
    """The CSS class of a token: c comment, s string, n number, k keyword, f function, or ""."""
    if token["word"]:
        if token["word"].lower() in _KEYWORDS:
            return "k"
        return "f" if token["call"] is not None else ""
    return "c" if token["comment"] else "s" if token["string"] else "n" if token["number"] else ""
