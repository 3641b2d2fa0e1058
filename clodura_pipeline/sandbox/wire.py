"""Requests and replies, and the ways in which a reply can fail on its way to the client."""

import json
import select
import socket
import struct
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

from .directory import Lookup
from .faults import Delivery
from .options import SandboxOptions

HTML = "text/html; charset=utf-8"


@dataclass(frozen=True)
class Request:
    """A request, and when its first line was read. Its repr shows neither key nor body."""

    method: str
    path: str
    headers: Message = field(repr=False)
    body: bytes = field(repr=False)
    arrived_at: float
    arrived_monotonic: float


@dataclass(frozen=True)
class Reply:
    """What is answered, what it costs, and who was looked up."""

    status: int
    payload: Any  # sent as JSON; text and bytes are sent as they are
    content_type: str = "application/json; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    cost: float = 0
    lookup: Lookup | None = None

    def body(self) -> bytes:
        """The payload as it is sent."""
        if isinstance(self.payload, bytes):
            return self.payload
        text = self.payload if isinstance(self.payload, str) else json.dumps(self.payload, ensure_ascii=False)
        return text.encode(errors="replace")

    def head(self, content_length: int, server_time: float, keep_alive: bool) -> bytes:
        """The status line and the headers."""
        headers = {
            "Server": "clodura-sandbox",
            "Date": formatdate(server_time, usegmt=True),
            "Content-Type": self.content_type,
            "Content-Length": content_length,
            "Connection": "keep-alive" if keep_alive else "close",
            **self.headers,
        }
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def deliver(
    sock: socket.socket, head: bytes, body: bytes, delivery: Delivery, options: SandboxOptions,
    stopping: threading.Event,
) -> bool:  # fmt: skip
    """Write a reply in the given way, until `stopping`; True when all of it was written."""
    match delivery:
        case "whole":
            sock.sendall(head + body)
        case "twice":
            sock.sendall(head + body + head + body)
        case "stall":
            _wait_for_client_to_leave(sock, options.stall_seconds)
        case "reset":
            _reset(sock)
        case "reset_midway":
            sock.sendall(head + body[: len(body) // 2])
            # A reset overtakes bytes that the client has not read yet: give it time to read them.
            stopping.wait(0.02)
            _reset(sock)
        case "cut":
            sock.sendall(head + body[: len(body) // 2])
        case "drip_body" | "drip_all":
            at_once = head if delivery == "drip_body" else b""
            sock.sendall(at_once)
            for byte in (head + body)[len(at_once) :]:
                sock.sendall(bytes([byte]))
                if stopping.wait(options.drip_interval_seconds):
                    return False
    return delivery in ("whole", "twice", "drip_body", "drip_all")


def _wait_for_client_to_leave(sock: socket.socket, seconds: float) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        readable, _, _ = select.select([sock], [], [], left)
        # A client that gives up closes the connection; one that sends more goes on waiting.
        if readable and not sock.recv(65536):
            return


def _reset(sock: socket.socket) -> None:
    # Closing with a linger of zero seconds sends a reset in place of an orderly end.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
