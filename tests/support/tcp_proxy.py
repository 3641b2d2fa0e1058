"""A TCP proxy in front of a PostgreSQL server: it delays what passes, cuts connections and refuses new ones."""

import contextlib
import socket
import threading
import time
from urllib.parse import urlsplit

from clodura_pipeline.ledger import LedgerUrl


class TcpProxy:
    """The network path of one host. Use as a context manager."""

    def __init__(self, socket_folder: str) -> None:
        self.delay_seconds = 0.0
        self.swallows = False
        """Whether it takes what is sent and forwards nothing."""
        self._server_path = f"{socket_folder}/.s.PGSQL.5432"
        self._is_open = True
        self._pairs: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))

    def __enter__(self) -> "TcpProxy":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self._listener.close()

    def before(self, url: LedgerUrl, password: str = "sesame") -> LedgerUrl:
        """The same ledger by way of this proxy, with a password."""
        port = self._listener.getsockname()[1]
        options = next(part for part in urlsplit(url.url).query.split("&") if part.startswith("options"))
        return LedgerUrl(f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres?{options}&sslmode=disable")

    def cut(self) -> None:
        """End all connections, and accept no new one until `mend`."""
        self._is_open = False
        for each in self._pairs:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._pairs.clear()

    def mend(self) -> None:
        """Accept connections again."""
        self._is_open = True

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if not self._is_open:
                client.close()
                continue
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(self._server_path)
            except OSError:
                client.close()
                continue
            self._pairs += [client, server]
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if self.delay_seconds:
                    time.sleep(self.delay_seconds)
                if not self.swallows:
                    target.sendall(data)
            target.shutdown(socket.SHUT_RDWR)
