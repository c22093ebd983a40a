"""Gunicorn's worker classes that a service may have, and what a plain one loses."""

from __future__ import annotations

#: The role's own: roles/gunicorn_service/files/draining_worker.py.
DRAINING = "draining_worker.DrainingWorker"
#: Uvicorn's, from its package and from its former place.
PLAIN = ("uvicorn_worker.UvicornWorker", "uvicorn.workers.UvicornWorker")


def loss(worker_class: object) -> str:
    """Return what a service loses by its worker class, or an empty text."""
    if worker_class not in PLAIN:
        return ""
    deprecated = " (deprecated: uvicorn_worker.UvicornWorker is the same)"
    return (
        f"{worker_class}{deprecated if worker_class == PLAIN[1] else ''} does not drain: each "
        "release, restart and rollback cuts WebSockets and event streams and loses the requests on "
        "idle connections, and a slot counts as healthy when one of its workers has answered"
    )
