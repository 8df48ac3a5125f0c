"""A server that answers everything at once with the same bytes: what is left is the generator.

`backoffice bench` runs every load against it too, with answers that the real service gave, in the
same sizes. What the generator reaches there is a floor of what it could reach; this server, being
written in the same language, takes its part of the machine as well.
"""

import selectors
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec

from interface.bench.lanes import READ_BYTES, answer_bytes

BACKLOG = 1024


@contextmanager
def canned_server(answers: Sequence[bytes]) -> Iterator[int]:
    """Runs the server in a process of its own and yields its port on the loopback.

    Each connection gets the answers in turn, an answer a request.
    """
    arguments = [sys.executable, "-m", "interface.bench.canned"]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(msgspec.msgpack.encode(list(answers)))
        process.stdin.close()
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


class Caller:
    """One connection: counts the bytes of each request and sends the next answer."""

    def __init__(self, connection: socket.socket, answers: Sequence[bytes]) -> None:
        self._connection = connection
        self._answers = answers
        self._turn = 0
        self._head = b""
        self._missing = 0

    def serve(self) -> bool:
        """Reads what has come and answers it if it is complete; False when the caller is gone."""
        piece = self._connection.recv(READ_BYTES)
        if not piece:
            self._connection.close()
            return False
        if self._missing:
            self._missing -= len(piece)
        else:
            self._head += piece
            length = answer_bytes(self._head)
            if not length:
                return True
            self._missing = length - len(self._head)
            self._head = b""
        if self._missing == 0:
            self._connection.sendall(self._answers[self._turn])
            self._turn = (self._turn + 1) % len(self._answers)
        return True


def main() -> None:
    """Reads the answers from standard input, writes the port, serves until it is killed."""
    answers = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=list[bytes])
    with socket.create_server(("127.0.0.1", 0), backlog=BACKLOG) as listener:
        sys.stdout.write(f"{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        with selectors.DefaultSelector() as selector:
            selector.register(listener, selectors.EVENT_READ, None)
            while True:
                for key, _ in selector.select():
                    if key.data is None:
                        connection, _ = listener.accept()
                        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                        caller = Caller(connection, answers)
                        selector.register(connection, selectors.EVENT_READ, caller)
                    elif not key.data.serve():
                        selector.unregister(key.fileobj)


if __name__ == "__main__":
    main()
