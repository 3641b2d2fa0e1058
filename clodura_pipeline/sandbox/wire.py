"""HTTP/1.1 on a raw socket: requests read, replies written, and the ways an answer can go wrong while it travels."""

import contextlib
import json
import select
import socket
import struct
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

from .faults import Delivery

_MOST_HEADER_BYTES = 64 * 1024
_MOST_BODY_BYTES = 4 * 2**20
_READ_BYTES = 64 * 1024


class UnreadableRequest(Exception):
    """Something came that is no HTTP request; the message says what is wrong with it."""


@dataclass(frozen=True)
class Request:
    """A request, and the moment its first bytes were read. Its repr shows neither key nor body."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    arrived_at: float
    arrived_monotonic: float
    keep_alive: bool


@dataclass(frozen=True)
class Reply:
    """What is answered."""

    status: int
    body: bytes = b""
    content_type: str = "application/json; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_json(cls, status: int, payload: Any, headers: Mapping[str, str] | None = None) -> "Reply":
        """A reply whose body is JSON."""
        return cls(status, json.dumps(payload, ensure_ascii=False).encode(errors="replace"), headers=headers or {})

    @classmethod
    def of_html(cls, status: int, text: str) -> "Reply":
        """A reply that is a web page."""
        page = f"<!DOCTYPE html>\n<html><head><title>{status}</title></head><body><pre>{text}</pre></body></html>\n"
        return cls(status, page.encode(), "text/html; charset=utf-8")

    def head(self, server_time: float, keep_alive: bool) -> bytes:
        """The status line and the headers."""
        lines = [
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}",
            "Server: clodura-sandbox",
            f"Date: {formatdate(server_time, usegmt=True)}",
            f"Content-Type: {self.content_type}",
            f"Content-Length: {len(self.body)}",
            f"Connection: {'keep-alive' if keep_alive else 'close'}",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


@dataclass(frozen=True)
class Pace:
    """How slowly a delivery goes, and the event that ends every wait at once."""

    stall_seconds: float
    drip_seconds: float
    stopping: threading.Event


class Connection:
    """One client's connection. `close_from_outside` may be called from another thread; the rest from its own only."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock = sock
        self._unread = b""

    def read_request(self) -> Request | None:
        """The next request, or None when the client has closed the connection."""
        if not self._unread and not self._read_more():
            return None
        # Taken before anything is parsed: limits are held against the moment of arrival.
        arrived_at, arrived_monotonic = time.time(), time.monotonic()
        while (end := self._unread.find(b"\r\n\r\n")) < 0:
            if len(self._unread) > _MOST_HEADER_BYTES:
                raise UnreadableRequest("the headers are too large")
            if not self._read_more():
                return None
        method, target, version, headers = _parse_head(self._unread[:end])
        length = _content_length(headers)
        while len(self._unread) < end + 4 + length:
            if not self._read_more():
                return None
        body, self._unread = self._unread[end + 4 : end + 4 + length], self._unread[end + 4 + length :]
        path, _, query = target.partition("?")
        asked = headers.get("connection", "").casefold()
        keep_alive = asked != "close" if version == "HTTP/1.1" else asked == "keep-alive"
        return Request(method, path, query, headers, body, arrived_at, arrived_monotonic, keep_alive)

    def deliver(self, reply: Reply, delivery: Delivery, server_time: float, keep_alive: bool, pace: Pace) -> bool:
        """Writes the answer in the given way; True when all of it was written."""
        head, body = reply.head(server_time, keep_alive), reply.body
        match delivery:
            case "whole":
                self._sock.sendall(head + body)
            case "stall":
                self._wait_for_client_to_leave(pace.stall_seconds)
            case "reset":
                self._reset()
            case "reset_midway":
                self._sock.sendall(head + body[: len(body) // 2])
                # A reset overtakes bytes that the client has not read yet: let it have them first.
                pace.stopping.wait(0.02)
                self._reset()
            case "cut":
                self._sock.sendall(head + body[: len(body) // 2])
            case "drip_body":
                self._sock.sendall(head)
                return self._drip(body, pace)
            case "drip_all":
                return self._drip(head + body, pace)
        return delivery == "whole"

    def close(self) -> None:
        """Closes the connection."""
        self._sock.close()

    def close_from_outside(self) -> None:
        """Ends every read and write that its own thread may be in."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def _read_more(self) -> bool:
        received = self._sock.recv(_READ_BYTES)
        self._unread += received
        return bool(received)

    def _drip(self, data: bytes, pace: Pace) -> bool:
        for place in range(len(data)):
            self._sock.sendall(data[place : place + 1])
            if pace.stopping.wait(pace.drip_seconds):
                return False
        return True

    def _wait_for_client_to_leave(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            readable, _, _ = select.select([self._sock], [], [], left)
            # A client that gives up closes; one that sends more is impatient, and goes on waiting.
            if readable and not self._read_more():
                return

    def _reset(self) -> None:
        # Closing with a linger of zero seconds sends a reset in place of an orderly end.
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._sock.close()


def _parse_head(head: bytes) -> tuple[str, str, str, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise UnreadableRequest("this is no HTTP/1.1 request")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise UnreadableRequest("a header without a colon")
        headers[name.strip().casefold()] = value.strip()
    return parts[0], parts[1], parts[2], headers


def _content_length(headers: Mapping[str, str]) -> int:
    if "transfer-encoding" in headers:
        raise UnreadableRequest("chunked bodies are not read here: send Content-Length")
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > _MOST_BODY_BYTES:
        raise UnreadableRequest("a Content-Length that cannot be served")
    return int(length)
