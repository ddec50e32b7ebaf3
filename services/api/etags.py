"""Entity tags (RFC 9110, 8.8.3 and 13.1)."""

from __future__ import annotations

import re

from services.api.problems import Problem

_LIST = re.compile(r'^\s*(?:W/)?"[\x21\x23-\x7e]*"(?:\s*,\s*(?:W/)?"[\x21\x23-\x7e]*")*\s*$')
_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e]*)"')


def quoted(tag: str) -> str:
    return f'"{tag}"'


def wanted(header: str | None) -> list[str] | None:
    """The tags of If-Match; None when any will do. Weak ones never match. Problem 422 for what is no tag."""
    if header is None or header.strip() == "*":
        return None
    return [tag for weak, tag in _tags(header, "If-Match") if not weak]


def unchanged(header: str | None, tag: str) -> bool:
    """Whether If-None-Match names this tag."""
    if header is None:
        return False
    return header.strip() == "*" or tag in (found for _, found in _tags(header, "If-None-Match"))


def _tags(header: str, name: str) -> list[tuple[str, str]]:
    if not _LIST.match(header):
        raise Problem(422, f'{name}: not a list of entity tags, such as "123"')
    return _TAG.findall(header)
