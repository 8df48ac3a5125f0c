"""The connections that requests come on, found among this process's sockets by their two ends.

granian has no word for ending one in the middle of an answer.
"""

import ctypes
import errno
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from interface.http.messages import Environ

_DESCRIPTORS = Path("/dev/fd")
_NOBODY = struct.pack("=H14x", socket.AF_UNSPEC)


def is_connected(environ: Environ) -> bool:
    """True while the client that sent the request has not left."""
    found = False
    for connection in _connections(environ):
        found = True
        connection.close()
    return found


def cut(environ: Environ) -> None:
    """Resets the connection that the request came on: whatever is sent on it from now on, its
    client does not take what it has got for a whole answer.

    In HTTP/1.0, which proxies speak (nginx, unless told otherwise), the orderly end of a connection
    is the end of a stream: there only a reset says that something is missing.
    """
    for connection in _connections(environ):
        with connection, suppress(OSError):
            # To be connected to nobody is what resets a connection that others have open too.
            # Source: connect(2). Where a system does not know it, the end has to do.
            if ctypes.CDLL(None).connect(connection.fileno(), _NOBODY, len(_NOBODY)) != 0:
                connection.shutdown(socket.SHUT_RDWR)


def _connections(environ: Environ) -> Iterator[socket.socket]:
    """Yields the connection, as a copy of its socket, which its user closes."""
    port = int(environ["SERVER_PORT"])
    client = ip_address(environ["REMOTE_ADDR"]), int(environ["REMOTE_PORT"])
    for descriptor in _DESCRIPTORS.iterdir():
        # It may be closed, or another's, by now: what is looked at is the copy.
        with suppress(OSError):
            found = _network_socket(os.dup(int(descriptor.name)))
            with suppress(OSError):
                if found.getsockname()[1] == port and _end(found.getpeername()) == client:
                    yield found
                    continue
            found.close()


def _end(name: Any) -> tuple[Any, int]:
    return ip_address(name[0]), name[1]


def _network_socket(descriptor: int) -> socket.socket:
    """Returns the socket that the descriptor is. Raises OSError where it is none, and closes it."""
    try:
        found = socket.socket(fileno=descriptor)
    except OSError:
        os.close(descriptor)
        raise
    if found.family in (socket.AF_INET, socket.AF_INET6):
        return found
    found.close()
    raise OSError(errno.EAFNOSUPPORT, "no socket of the network")
