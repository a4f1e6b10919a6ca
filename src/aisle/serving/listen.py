"""The listening socket, bound before anything is opened, so that a port in use or a host that may not be served is known at once."""

from __future__ import annotations

import socket

from aisle.core.errors import AisleError

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
BACKLOG = 512
"""Connections that the system holds while no process has taken them."""


class ServeError(AisleError):
    """The server cannot start as asked: host refused, port in use."""

    code = "cannot_serve"


def bind(host: str, port: int, closed: bool = False) -> socket.socket:
    """A listening socket. ``closed``: the state folder has keys, so that the server may be seen from outside.

    Raises `ServeError` for another host than loopback where there are no keys, and for a port that cannot be had.
    """
    if host not in LOOPBACK and not closed:
        mend = "Use --host 127.0.0.1, or make a key first: aisle keys add NAME."
        raise ServeError(f"Without a key the server binds to loopback only, not to `{host}`.", mend)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # without the protocol asyncio leaves TCP_NODELAY off: 40 ms
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ServeError(f"Cannot listen on {shown(host)}:{port}: {reason}.", "Choose another one with --port.") from None
    return listener


def address(listener: socket.socket) -> str:
    """Where the server is found, as a browser takes it."""
    host, port = listener.getsockname()[:2]
    return f"http://{shown(host)}:{port}"


def shown(host: str) -> str:
    """A host as it stands in an address."""
    return f"[{host}]" if ":" in host else host
