"""One call over a real socket: what arrives, what is lost, and that nothing is sent twice or to another host."""

import gzip
import json
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clodura_pipeline.clodura.client import LARGEST_ANSWER_BYTES, ClientSettings, CloduraClient
from clodura_pipeline.clodura.deadline import Call
from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.clodura.verdicts import RawAnswer
from clodura_pipeline.errors import AnswerLost, CallFailed, FailureReason, NotSent
from clodura_pipeline.sandbox import ENRICH_PATH, Fault, FaultKind, Sandbox, build_directory

Start = Callable[..., Sandbox]
Serve = Callable[[Callable[[socket.socket], None]], str]
Make = Callable[..., CloduraClient]

ADA = next(person for person in build_directory() if person.answer == "person")
ADAS_IDENTIFIERS = Identifiers(linkedin_url=ADA.linkedin_url, email=ADA.email)
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def read_request(connection: socket.socket) -> bytes:
    """A whole request, its body too; b"" when the client has closed."""
    data = b""
    while b"\r\n\r\n" not in data:
        received = connection.recv(65536)
        if not received:
            return b""
        data += received
    head, _, body = data.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            while len(body) < int(line.split(b":")[1]):
                body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def answering(*answer: bytes, pause: float = 0.0) -> Callable[[socket.socket], None]:
    """Reads one request, answers with these bytes and closes."""

    def handle(connection: socket.socket) -> None:
        read_request(connection)
        for part in answer:
            connection.sendall(part)
            time.sleep(pause)

    return handle


def failure(call: Callable[[], RawAnswer]) -> CallFailed:
    with pytest.raises(CallFailed) as caught:
        call()
    return caught.value


def test_an_answer_arrives_whole_with_its_headers(start: Start, client: Make) -> None:
    sandbox = start()
    answer = client(sandbox.base_url).enrich(ADAS_IDENTIFIERS)
    assert answer.status == 200
    assert ADA.person_id.encode() in answer.body
    assert answer.date
    assert answer.content_type.startswith("application/json")
    (call,) = sandbox.call_log.calls
    assert call.identifiers == {"linkedinUrl": ADA.linkedin_url, "email": ADA.email}
    assert call.user_agent
    assert call.user_agent.startswith("clodura-pipeline/")


LOST: list[tuple[FaultKind, FailureReason]] = [
    ("stall", FailureReason.TIMEOUT),
    ("charged_then_stall", FailureReason.TIMEOUT),
    ("drip", FailureReason.TIMEOUT),
    ("drip_headers", FailureReason.TIMEOUT),
    ("reset_before_answer", FailureReason.RESET),
    ("charged_then_reset", FailureReason.RESET),
    ("reset_during_answer", FailureReason.RESET),
    ("cut_body", FailureReason.CUT_SHORT),
    ("cut_body_uncharged", FailureReason.CUT_SHORT),
]


@pytest.mark.parametrize(("fault", "reason"), LOST)
def test_a_lost_answer_is_lost_once_and_within_the_timeout(
    start: Start, client: Make, fault: FaultKind, reason: FailureReason
) -> None:
    sandbox = start(faults=(Fault(fault),), drip_interval_seconds=0.05)
    began = time.monotonic()
    lost = failure(lambda: client(sandbox.base_url, timeout_seconds=0.4).enrich(ADAS_IDENTIFIERS))
    assert isinstance(lost, AnswerLost)
    assert lost.reason is reason
    assert time.monotonic() - began < 1.0
    assert len(sandbox.call_log.calls) == 1


def test_every_late_call_is_ended_also_after_others_were(start: Start, client: Make) -> None:
    # The deadline of a call once depended on what had been at the same place in memory before it.
    sandbox = start(faults=(Fault("drip"),), drip_interval_seconds=0.1)
    calling = client(sandbox.base_url, timeout_seconds=0.15)
    for _ in range(8):
        began = time.monotonic()
        assert failure(lambda: calling.enrich(ADAS_IDENTIFIERS)).reason is FailureReason.TIMEOUT
        assert time.monotonic() - began < 1.0


def test_a_huge_answer_is_not_read_to_its_end(start: Start, client: Make) -> None:
    sandbox = start(faults=(Fault("huge_body"),), huge_body_bytes=50 * LARGEST_ANSWER_BYTES)
    answer = client(sandbox.base_url).enrich(ADAS_IDENTIFIERS)
    assert answer.truncated
    assert len(answer.body) == LARGEST_ANSWER_BYTES


def test_a_small_answer_that_unpacks_to_a_huge_one_is_not_unpacked(serve: Serve, client: Make) -> None:
    packed = gzip.compress(b" " * (100 * LARGEST_ANSWER_BYTES))
    head = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    answer = client(serve(answering(head + packed))).enrich(ADAS_IDENTIFIERS)
    assert answer.truncated
    assert len(answer.body) == LARGEST_ANSWER_BYTES


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["http://localhost:{port}/elsewhere", "http://[", "", "//", "\u00e4 b"])
def test_a_redirect_is_neither_followed_nor_read_to_its_end(
    serve: Serve, client: Make, status: int, location: str
) -> None:
    requests: list[bytes] = []

    def handle(connection: socket.socket) -> None:
        requests.append(read_request(connection))
        port = connection.getsockname()[1]
        target = location.format(port=port).encode("latin-1")
        connection.sendall(b"HTTP/1.1 %d Moved\r\nLocation: %s\r\nContent-Length: 3000000\r\n\r\n" % (status, target))
        connection.sendall(b"x" * 1_500_000)
        time.sleep(1.5)

    began = time.monotonic()
    answer = client(serve(handle)).enrich(ADAS_IDENTIFIERS)
    assert answer.status == status
    assert time.monotonic() - began < 1.0
    assert len(requests) == 1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((b"",), FailureReason.RESET),
        ((b"HTTP/1.1 2",), FailureReason.RESET),
        ((b"not http at all\r\n\r\n",), FailureReason.RESET),
        ((OK + b"X: " + b"y" * 100_000 + b"\r\n\r\n",), FailureReason.RESET),
        ((OK + b"X: y\r\n" * 500 + b"\r\n",), FailureReason.RESET),
        ((OK,), FailureReason.CUT_SHORT),
        ((OK + b"Content-Len",), FailureReason.CUT_SHORT),
        ((OK + b"\r\n",), FailureReason.CUT_SHORT),
        ((OK + b'\r\n{"personId": "p", "firstNa',), FailureReason.CUT_SHORT),
        ((b"HTTP/1.1 404 Not Found\r\nContent-Ty",), FailureReason.CUT_SHORT),
        ((OK + b"Content-Length: 99\r\n\r\n{}",), FailureReason.CUT_SHORT),
        ((OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{}",), FailureReason.CUT_SHORT),
        ((OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}",), FailureReason.CUT_SHORT),
        ((OK + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",), FailureReason.CUT_SHORT),
    ],
)
def test_an_answer_that_breaks_http_is_lost_not_empty(
    serve: Serve, client: Make, answer: tuple[bytes, ...], reason: FailureReason
) -> None:
    lost = failure(lambda: client(serve(answering(*answer))).enrich(ADAS_IDENTIFIERS))
    assert isinstance(lost, AnswerLost)
    # What broke is of little matter; that it counts as sent and lost is what money hangs on.
    assert lost.reason in {reason, FailureReason.RESET}


@pytest.mark.parametrize(
    "body", [b"{}", b'{"personId": "p"}\n', b"<html>", b"not JSON, and nothing shows how much is missing"]
)
def test_an_answer_of_unstated_length_that_looks_whole_is_kept(serve: Serve, client: Make, body: bytes) -> None:
    assert client(serve(answering(b"HTTP/1.0 200 OK\r\n\r\n" + body))).enrich(ADAS_IDENTIFIERS).body == body


@pytest.mark.parametrize("status", [b"102 Processing", b"103 Early Hints"])
def test_an_answer_that_is_not_final_is_lost_and_the_final_one_is_not_taken_for_another(
    serve: Serve, client: Make, status: bytes
) -> None:
    def handle(connection: socket.socket) -> None:
        while request := read_request(connection):
            email = json.loads(request.partition(b"\r\n\r\n")[2])["email"]
            if email == ADAS_IDENTIFIERS.email:
                connection.sendall(b"HTTP/1.1 " + status + b"\r\n\r\n")
                time.sleep(0.1)
            body = json.dumps({"personId": email}).encode()
            connection.sendall(OK + b"Content-Length: %d\r\n\r\n" % len(body) + body)

    calling = client(serve(handle))
    lost = failure(lambda: calling.enrich(ADAS_IDENTIFIERS))
    assert (type(lost), lost.reason) == (AnswerLost, FailureReason.NOT_FINAL)
    for number in range(3):
        assert f'"{number}@x.example"' in calling.enrich(Identifiers(email=f"{number}@x.example")).body.decode()


def response(body: bytes) -> bytes:
    return OK + b"Content-Length: %d\r\n\r\n" % len(body) + body


def trusted(base_url: str, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A TLS server of this machine under a name that is not loopback's, with its certificate trusted."""
    real = socket.getaddrinfo

    def resolve(host: str, *args: Any, **kwargs: Any) -> Any:
        return real("127.0.0.1" if host == "clodura.example" else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate / "cert.pem"))
    monkeypatch.setenv("NO_PROXY", "*")
    return base_url.replace("http://127.0.0.1", "https://clodura.example")


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    ("left_over", "delay"),
    [
        (response(b'{"personId": "of another call"}'), 0.0),
        (response(b'{"personId": "of another call", "padding": "%s"}' % (b"x" * 40_000)), 0.0),
        (response(b'{"personId": "of another call"}'), 0.05),
        (b"H", 0.0),
        (b"\r\n", 0.05),
    ],
    ids=["at once", "at once, larger than a buffer", "a moment later", "one byte", "an empty line later"],
)
def test_a_connection_with_bytes_left_over_after_an_answer_is_not_used_again(
    serve: Serve, client: Make, certificate: Path, monkeypatch: pytest.MonkeyPatch, scheme: str,
    left_over: bytes, delay: float,
) -> None:  # fmt: skip
    connections: list[int] = []
    is_sent = threading.Event()

    def handle(connection: socket.socket) -> None:
        connections.append(0)
        while request := read_request(connection):
            connections[-1] += 1
            answer = response(json.dumps({"personId": json.loads(request.partition(b"\r\n\r\n")[2])["email"]}).encode())
            try:
                connection.sendall(answer if delay else answer + left_over)
                if delay:
                    time.sleep(delay)
                    connection.sendall(left_over)
            finally:  # also when the client has closed the connection meanwhile
                is_sent.set()

    base_url = serve(over_tls(certificate, handle) if scheme == "https" else handle)
    calling = client(trusted(base_url, certificate, monkeypatch) if scheme == "https" else base_url)
    for number in range(4):
        assert f'"{number}@x.example"' in calling.enrich(Identifiers(email=f"{number}@x.example")).body.decode()
        assert is_sent.wait(10)
        is_sent.clear()
    assert connections == [1, 1, 1, 1], "calls by connection"


def test_an_answer_that_comes_twice_is_not_taken_for_the_next_calls(start: Start, client: Make) -> None:
    sandbox = start(faults=(Fault("second_response"),))
    calling = client(sandbox.base_url)
    for person in [person for person in sandbox.directory if person.answer == "person"][:5]:
        assert person.person_id.encode() in calling.enrich(Identifiers(email=person.email)).body


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_connection_whose_answers_end_where_they_should_is_used_again(
    serve: Serve, client: Make, certificate: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    connections: list[int] = []
    whole = iter((
        response(b"{}"),
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        response(gzip.compress(b"{}")).replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n", 1),
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        response(b'{"padding": "%s"}' % (b"x" * 20_000)),
    ))  # fmt: skip

    def handle(connection: socket.socket) -> None:
        connections.append(0)
        while read_request(connection):
            connections[-1] += 1
            connection.sendall(next(whole))

    base_url = serve(over_tls(certificate, handle) if scheme == "https" else handle)
    calling = client(trusted(base_url, certificate, monkeypatch) if scheme == "https" else base_url)
    assert [calling.enrich(ADAS_IDENTIFIERS).status for _ in range(5)] == [200, 200, 200, 404, 200]
    assert connections == [5], "calls by connection"


def test_a_connection_that_the_server_closed_in_the_meantime_is_not_used(start: Start, client: Make) -> None:
    sandbox = start()
    calling = client(sandbox.base_url)
    calling.enrich(ADAS_IDENTIFIERS)
    port = int(sandbox.base_url.rpartition(":")[2])
    sandbox.stop()
    with Sandbox(port=port) as again:
        time.sleep(0.05)
        assert calling.enrich(ADAS_IDENTIFIERS).status == 200
        assert len(again.call_log.calls) == 1


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_what_never_connected_was_never_sent(client: Make, serve: Serve) -> None:
    def plain(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 400 Bad\r\n\r\n")

    tls_to_plain = serve(plain).replace("http://", "https://")
    for base_url, reason in (
        (f"http://127.0.0.1:{closed_port()}", FailureReason.CONNECTION_REFUSED),
        ("https://no-such-host.invalid", FailureReason.NAME_NOT_FOUND),
        (tls_to_plain, FailureReason.TLS_FAILED),
    ):
        never = failure(lambda base_url=base_url: client(base_url).enrich(ADAS_IDENTIFIERS))
        assert isinstance(never, NotSent)
        assert never.reason is reason


def test_a_server_that_takes_no_connection_was_sent_nothing(client: Make) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]  # fill the backlog: the next connection hangs
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        time.sleep(0.05)
        never = failure(lambda: client(f"http://127.0.0.1:{port}", timeout_seconds=0.5).enrich(ADAS_IDENTIFIERS))
        for each in waiting:
            each.close()
    assert isinstance(never, NotSent)
    assert never.reason is FailureReason.CONNECT_TIMEOUT


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost that no client trusts by default."""
    folder = tmp_path_factory.mktemp("tls")
    openssl = shutil.which("openssl")
    assert openssl
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1,DNS:clodura.example",
         "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder


def over_tls(certificate: Path, handle: Callable[[socket.socket], None]) -> Callable[[socket.socket], None]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")

    def secured(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as wrapped:
            handle(wrapped)

    return secured


def test_an_untrusted_certificate_is_refused_before_anything_is_sent(
    serve: Serve, client: Make, certificate: Path
) -> None:
    received: list[bytes] = []
    base_url = serve(over_tls(certificate, lambda connection: received.append(read_request(connection))))
    never = failure(lambda: client(base_url.replace("http://", "https://")).enrich(ADAS_IDENTIFIERS))
    assert isinstance(never, NotSent)
    assert never.reason is FailureReason.TLS_FAILED
    assert received == []


def proxy(upstream_port: int, refuse: bytes | None, seen: list[bytes]) -> Callable[[socket.socket], None]:
    """A CONNECT proxy that leads every client to one port, or refuses."""

    def handle(connection: socket.socket) -> None:
        seen.append(read_request(connection))
        if refuse is not None:
            connection.sendall(refuse)
            return
        with socket.create_connection(("127.0.0.1", upstream_port)) as upstream:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")

            def pump(source: socket.socket, target: socket.socket) -> None:
                while data := source.recv(65536):
                    target.sendall(data)
                target.shutdown(socket.SHUT_WR)

            back = threading.Thread(target=pump, args=(upstream, connection), daemon=True)
            back.start()
            pump(connection, upstream)
            back.join(2)

    return handle


def test_a_proxy_and_a_custom_ca_are_used(
    serve: Serve, client: Make, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = b'{"personId": "p"}'
    answer = OK + b"Content-Length: %d\r\n\r\n" % len(body) + body
    requests, through = [], []

    def handle(connection: socket.socket) -> None:
        requests.append(read_request(connection))
        connection.sendall(answer)

    upstream = serve(over_tls(certificate, handle))
    monkeypatch.setenv("HTTPS_PROXY", serve(proxy(int(upstream.rpartition(":")[2]), None, through)))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate / "cert.pem"))
    monkeypatch.delenv("NO_PROXY", raising=False)
    sent_at: list[int] = []
    calling = client("https://clodura.example", api_key="key-for-clodura")
    assert calling.enrich(ADAS_IDENTIFIERS, lambda: sent_at.append(len(requests))).body == body
    assert sent_at == [0]
    assert b"X-API-KEY: key-for-clodura" in requests[0]
    assert b"key-for-clodura" not in through[0]


@pytest.mark.parametrize(
    "refusal",
    [
        b"HTTP/1.1 403 Forbidden\r\n\r\n",
        b"HTTP/1.1 407 Who are you\r\n\r\n",
        b"HTTP/1.1 502 No\r\n\r\n",
        b"",
        b"junk\r\n",
    ],
)
def test_what_a_proxy_refused_to_pass_on_was_never_sent(
    serve: Serve, client: Make, monkeypatch: pytest.MonkeyPatch, refusal: bytes
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", serve(proxy(1, refusal, [])))
    monkeypatch.delenv("NO_PROXY", raising=False)
    began: list[None] = []
    never = failure(lambda: client("https://clodura.example").enrich(ADAS_IDENTIFIERS, lambda: began.append(None)))
    assert isinstance(never, NotSent)
    assert began == []


def test_a_proxy_of_the_environment_is_not_used_for_loopback(
    start: Start, client: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox = start()
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port()}")
    assert client(sandbox.base_url).enrich(ADAS_IDENTIFIERS).status == 200


def test_a_netrc_file_adds_no_credentials(
    serve: Serve, client: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password secret\nmachine localhost login a password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    seen: list[bytes] = []

    def handle(connection: socket.socket) -> None:
        seen.append(read_request(connection))
        connection.sendall(OK + b"Content-Length: 2\r\n\r\n{}")

    client(serve(handle)).enrich(ADAS_IDENTIFIERS)
    assert b"authorization" not in seen[0].lower()


def test_before_send_is_called_on_the_open_connection(start: Start, client: Make) -> None:
    sandbox = start()
    calls_then: list[int] = []
    client(sandbox.base_url).enrich(ADAS_IDENTIFIERS, lambda: calls_then.append(len(sandbox.call_log.calls)))
    assert calls_then == [0]

    class NotNowError(Exception):
        pass

    def refuse() -> None:
        raise NotNowError

    with pytest.raises(NotNowError):
        client(sandbox.base_url).enrich(ADAS_IDENTIFIERS, refuse)
    assert len(sandbox.call_log.calls) == 1


def test_a_call_whose_time_is_over_before_it_could_leave_does_not_leave(start: Start, client: Make) -> None:
    sandbox = start()
    for seconds in (0.25, 0.6):
        calling = client(sandbox.base_url, timeout_seconds=0.2)
        never = failure(
            lambda calling=calling, seconds=seconds: calling.enrich(ADAS_IDENTIFIERS, lambda: time.sleep(seconds))
        )
        assert isinstance(never, NotSent)
    assert sandbox.call_log.calls == ()


def test_a_call_whose_time_is_over_does_not_leave_even_before_the_timer_has_run() -> None:
    before_send: list[None] = []
    call = Call(-0.001, lambda: before_send.append(None))
    with pytest.raises(TimeoutError):
        call.start_sending(None)
    assert before_send == [None]
    assert not call.sent


def test_threads_that_share_a_client_each_get_their_own_answer(start: Start, client: Make) -> None:
    sandbox = start(latency_seconds=0.01, latency_jitter_seconds=0.02)
    calling = client(sandbox.base_url)
    people = [person for person in sandbox.directory if person.answer == "person"][:64]
    wrong: list[str] = []

    def call_for(some: list[int]) -> None:
        for place in some:
            answer = calling.enrich(Identifiers(linkedin_url=people[place].linkedin_url))
            if people[place].person_id.encode() not in answer.body:
                wrong.append(people[place].person_id)

    threads = [threading.Thread(target=call_for, args=(list(range(n, 64, 8)),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(sandbox.call_log.calls) == 64


def test_credits_are_read_without_a_body(start: Start, client: Make) -> None:
    sandbox = start(starting_balance=77)
    answer = client(sandbox.base_url).credits()
    assert answer.body == b'{"remainingCredits": 77}'
    assert sandbox.call_log.calls[0].path != ENRICH_PATH


def test_text_that_no_protocol_can_carry_is_sent_as_far_as_it_goes(start: Start, client: Make) -> None:
    sandbox = start()
    odd = Identifiers(first_name="A\ud800da", last_name="By\x00ron", organisation_name="\U0001f600 & S\u00f8n")
    assert client(sandbox.base_url).enrich(odd).status == 200
    sent = sandbox.call_log.calls[0].identifiers
    assert sent is not None
    assert sent["organisationName"] == "\U0001f600 & S\u00f8n"


MARKED_KEY = "MARKED-KEY-1234"
MARKED = Identifiers("https://linkedin.com/in/marked-person", "marked@person.example", "Marked", "Person", "Marked Ltd")


@pytest.mark.parametrize(
    "fault", ["reset_before_answer", "cut_body", "stall", "drip_headers", "unreachable", "bad key"]
)
def test_neither_key_nor_person_is_in_an_exception(start: Start, client: Make, fault: str) -> None:
    sandbox = start(faults=(Fault(fault),) if fault in dict(LOST) else (), drip_interval_seconds=0.1)
    base_url = f"http://127.0.0.1:{closed_port()}" if fault == "unreachable" else sandbox.base_url
    key = MARKED_KEY + "\n" if fault == "bad key" else MARKED_KEY
    sandbox.options = sandbox.options.patched({"api_key": key})
    error = failure(lambda: client(base_url, timeout_seconds=0.3, api_key=key).enrich(MARKED))
    assert error.__cause__ is None
    assert error.__suppress_context__
    assert_unmarked(f"{error!r} {error} {error.args}")


def test_neither_key_nor_person_is_in_a_repr() -> None:
    settings = ClientSettings("http://127.0.0.1:1", MARKED_KEY, 1.0, 1)
    made = CloduraClient(settings)
    raw = RawAnswer(200, b"Marked Person")
    assert_unmarked(f"{settings!r} {settings} {made!r} {MARKED!r} {MARKED} {raw!r} {raw}")
    made.close()


def assert_unmarked(text: str) -> None:
    for mark in (MARKED_KEY, "marked", "Marked", "Person"):
        assert mark not in text
