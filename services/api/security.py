"""Who may do what: bearer tokens (RFC 6750), one for each role.

| role | rights |
|---|---|
| reader | marts, quotes, the live stream |
| events | sending events |
| erp | reading and changing the ERP, and what readers may |
"""

from __future__ import annotations

import enum
import hmac
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from services.api.problems import Problem
from services.api.settings import Tokens

REALM = "lakelab"
bearer = HTTPBearer(
    auto_error=False, description="A token of `make urls`: of readers, of event senders, or of the ERP."
)


class Right(enum.Enum):
    """What a token may allow."""

    READ = "reading marts and quotes"
    EVENTS = "sending events"
    ERP = "reading and changing the ERP"


ROLES = {"reader": {Right.READ}, "events": {Right.EVENTS}, "erp": {Right.READ, Right.ERP}}


class Guard:
    """Knows the tokens."""

    def __init__(self, tokens: Tokens) -> None:
        self._roles = [(getattr(tokens, role).encode(), rights) for role, rights in ROLES.items()]

    def rights(self, token: str) -> set[Right] | None:
        """The rights of a token; None for an unknown one. All are compared, each in the same time."""
        given, found = token.encode("utf-8", "replace"), None
        for secret, rights in self._roles:
            if hmac.compare_digest(secret, given):
                found = rights
        return found

    def check(self, token: str | None, right: Right) -> None:
        """Problem 401 without a good token, 403 where its role lacks the right."""
        if not token:
            raise Problem(401, "a bearer token is needed", headers={"WWW-Authenticate": f'Bearer realm="{REALM}"'})
        rights = self.rights(token)
        if rights is None:
            told = f'Bearer realm="{REALM}", error="invalid_token"'
            raise Problem(401, "the token is not known", headers={"WWW-Authenticate": told})
        if right not in rights:
            told = f'Bearer realm="{REALM}", error="insufficient_scope"'
            raise Problem(403, f"the token does not allow {right.value}", headers={"WWW-Authenticate": told})


def permit(request: Request, guard: Guard, right: Right) -> None:
    """What `may` does, for a route without dependencies. Problem 401 or 403."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    guard.check(token.strip() if scheme.lower() == "bearer" else None, right)


def may(right: Right) -> Callable[..., Coroutine[Any, Any, None]]:
    """A dependency that lets in who has the right."""

    async def check(
        request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
    ) -> None:
        request.app.state.clients.guard.check(credentials.credentials if credentials else None, right)

    return check
