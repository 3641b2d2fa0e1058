"""The server itself: connections that stay open, clients that misbehave, and stopping in time."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from sandbox_client import MISS, PERSON, connect, connect_raw, enrich, request, send

from clodura_pipeline.sandbox import CREDITS_PATH, ENRICH_PATH, Fault, Sandbox, SandboxOptions

Start = Callable[..., Sandbox]


def test_a_connection_carries_many_calls(start: Start) -> None:
    sandbox = start()
    connection = connect(sandbox)
    statuses, sockets = [], set()
    for _ in range(5):
        statuses.append(send(connection, "POST", ENRICH_PATH, MISS).status)
        sockets.add(id(connection.sock))
    connection.close()
    assert (statuses, len(sockets)) == ([200] * 5, 1)


@pytest.mark.parametrize(
    ("request_line", "header", "stays_open"),
    [
        ("GET /api/v1/credits HTTP/1.1", "X: y", True),
        ("GET /api/v1/credits HTTP/1.1", "Connection: close", False),
        ("GET /api/v1/credits HTTP/1.0", "X: y", False),
        ("GET /api/v1/credits HTTP/1.0", "Connection: keep-alive", True),
    ],
)
def test_a_connection_stays_open_as_http_has_it(start: Start, request_line: str, header: str, stays_open: bool) -> None:
    with connect_raw(start(), timeout=0.3) as sock:
        sock.sendall(f"{request_line}\r\n{header}\r\n\r\n".encode())
        assert sock.recv(4096).startswith(b"HTTP/1.1 401")
        if stays_open:
            with pytest.raises(TimeoutError):
                sock.recv(1)
        else:
            assert sock.recv(1) == b""


def test_a_request_may_come_in_pieces_and_two_at_once(start: Start) -> None:
    sandbox = start()
    request = b"GET /api/v1/credits HTTP/1.1\r\nX-API-KEY: sandbox-key\r\n\r\n"
    with connect_raw(sandbox) as sock:
        for place in range(0, len(request), 7):
            sock.sendall(request[place : place + 7])
        assert b"remainingCredits" in sock.recv(4096)
        sock.sendall(request + request)
        answers = b""
        while answers.count(b"remainingCredits") < 2:
            answers += sock.recv(4096)
    assert len(sandbox.call_log.calls) == 3


@pytest.mark.parametrize(
    ("rubbish", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (b"GET / HTTP/2\r\nA: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"A" * 70_000, 414),
    ],
)
def test_what_is_not_a_request_is_refused_and_disturbs_no_other(start: Start, rubbish: bytes, status: int) -> None:
    sandbox = start()
    with connect_raw(sandbox) as sock:
        sock.sendall(rubbish)
        assert sock.recv(4096).startswith(b"HTTP/1.1 %d" % status)
    assert request(sandbox, "GET", CREDITS_PATH).status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:{port}"}, 200),
        ({"Host": "127.0.0.1"}, 200),
        ({"Origin": "http://127.0.0.1:{port}"}, 200),
        ({"Origin": "http://localhost:{port}"}, 200),
        ({"Host": "evil.example:{port}"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example:{port}"}, 403),
        ({"Host": ""}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": "http://localhost.evil.example:{port}"}, 403),
        ({"Origin": "null"}, 403),
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ["/_sandbox/books", "/_sandbox/options", CREDITS_PATH])
def test_requests_of_another_site_are_refused(start: Start, path: str, headers: dict[str, str], status: int) -> None:
    sandbox = start()
    port = sandbox.base_url.rpartition(":")[2]
    sent = {name: value.format(port=port) for name, value in headers.items()}
    assert request(sandbox, "GET", path, headers=sent).status == status
    assert len(sandbox.call_log.calls) == (1 if status == 200 and path == CREDITS_PATH else 0)


def test_a_client_that_leaves_in_the_middle_of_a_request_is_in_no_books(start: Start) -> None:
    sandbox = start()
    with connect_raw(sandbox) as sock:
        sock.sendall(b"POST /api/v1/cleanup/enrich HTTP/1.1\r\nContent-Length: 10\r\n\r\n12")
    assert request(sandbox, "GET", CREDITS_PATH).status == 200
    assert [call.path for call in sandbox.call_log.calls] == [CREDITS_PATH]


@pytest.mark.parametrize(
    "options",
    [
        {"faults": (Fault("stall"),)},
        {"faults": (Fault("drip"),)},
        {"faults": (Fault("drip_headers"),), "drip_interval_seconds": 30.0},
        {"faults": (Fault("huge_body"),)},
        {"latency_seconds": 60.0},
        {"arrival_jitter_seconds": 60.0},
        {},
    ],
    ids=["stall", "drip", "slow drip", "unread huge body", "latency", "arrival", "idle"],
)
def test_stopping_takes_less_than_a_second_whatever_connections_wait_for(options: dict[str, Any]) -> None:
    sandbox = Sandbox(SandboxOptions(**options)).start()
    connections = [connect(sandbox) for _ in range(8)]
    for connection in connections:
        connection.request(
            "POST",
            ENRICH_PATH,
            f'{{"linkedinUrl": "{PERSON["linkedinUrl"]}"}}',
            {"X-API-KEY": "sandbox-key", "Content-Type": "application/json"},
        )
    time.sleep(0.1)
    begun = time.monotonic()
    sandbox.stop()
    assert time.monotonic() - begun < 1.0
    assert sandbox.call_log.in_flight == 0
    for connection in connections:
        connection.close()


def test_nobody_is_served_after_stopping_but_the_books_stay(start: Start) -> None:
    sandbox = start()
    enrich(sandbox, PERSON)
    sandbox.stop()
    with pytest.raises(ConnectionRefusedError):
        enrich(sandbox, PERSON)
    sandbox.stop()
    assert sandbox.call_log.charged == 2


def test_a_taken_port_is_named_in_the_error(start: Start) -> None:
    port = int(start().base_url.rpartition(":")[2])
    with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}"):
        Sandbox(port=port).start()
