"""What `admin` and Nginx may in NiFi. A first start gives the first administrator less than one needs to work."""

from __future__ import annotations

from lab.live.nifi import NEW, Nifi, NotThere

ADMIN, PROXY = "admin", "proxy"


def grant(nifi: Nifi) -> None:
    """Give the rights that are missing. Data goes through Nginx, so it needs the rights on data, too."""
    root = nifi.root
    if nifi.get("/flow/current-user")["provenancePermissions"]["canRead"] and _may_write(nifi, root):
        return
    group = f"/process-groups/{root}"
    users = {user["component"]["identity"]: user for user in nifi.get("/tenants/users")["users"]}
    # Nginx's first: the last of admin's says that all are there.
    for action in ("read", "write"):
        _allow(nifi, users[PROXY]["id"], action, f"/data{group}")
    _allow(nifi, users[PROXY]["id"], "read", f"/provenance-data{group}")
    for resource in ("/provenance", "/system", "/counters", "/parameter-contexts", group, f"/data{group}",
                     f"/provenance-data{group}", f"/operation{group}", f"/policies{group}"):  # fmt: skip
        for action in ("read", "write"):
            _allow(nifi, users[ADMIN]["id"], action, resource)


def _may_write(nifi: Nifi, root: str) -> bool:
    """The last of the rights on the canvas is there, so all are."""
    return "component" in nifi.get(f"/process-groups/{root}") and _has(
        nifi, "write", f"/policies/process-groups/{root}"
    )


def _has(nifi: Nifi, action: str, resource: str) -> bool:
    try:
        return bool(nifi.get(f"/policies/{action}{resource}")["component"]["resource"] == resource)
    except NotThere:
        return False


def _allow(nifi: Nifi, user: str, action: str, resource: str) -> None:
    """Add the user to the policy; where there is none of its own, NiFi shows the one that it would inherit from."""
    policy = None
    if _has(nifi, action, resource):
        policy = nifi.get(f"/policies/{action}{resource}")
    if policy is None:
        component = {"resource": resource, "action": action, "users": [{"id": user}], "userGroups": []}
        nifi.call("POST", "/policies", {"revision": NEW, "component": component})
        return
    found = policy["component"]
    if user not in {u["id"] for u in found["users"]}:
        users = [{"id": u["id"]} for u in found["users"]] + [{"id": user}]
        component = {"id": policy["id"], "users": users, "userGroups": found["userGroups"]}
        nifi.call("PUT", f"/policies/{policy['id']}", {"revision": policy["revision"], "component": component})
