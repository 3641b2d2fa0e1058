"""The Dagster UI on the demo's own data, until somebody ends it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator

from rich.console import Console

from clodura_pipeline.demo.place import DemoProblem
from clodura_pipeline.demo.run import Demo

_HOST = "127.0.0.1"
_START_SECONDS = 120.0
_GRACE_SECONDS = 30.0


def serve_ui(demo: Demo, console: Console, port: int) -> None:
    """Start the Dagster UI and its daemon, print the address, and end both on Ctrl-C.

    Raises:
        DemoProblem: the UI did not start, or ended by itself.
    """
    url = f"http://{_HOST}:{port}"
    with contextlib.suppress(KeyboardInterrupt), _dagster(demo, port) as server:
        with console.status("Starting the Dagster UI"):
            _wait_until_served(server, url, demo)
        console.print(f"\n  The Dagster UI on the demo's data: [bold link={url}]{url}[/]", highlight=False)
        console.print(f"  The sandbox it asks: {demo.sandbox.base_url}/_sandbox/help", highlight=False)
        console.print("  Ctrl-C ends both.\n")
        server.wait()
        raise DemoProblem(f"The Dagster UI has ended by itself; {demo.place.ui_log} tells more.")
    console.print("  The Dagster UI and the sandbox have ended.")


def free_port(port: int | None) -> int:
    """The port that is asked for, or any free one when none is.

    Raises:
        DemoProblem: it is taken.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port or 0))
        except OSError as error:
            raise DemoProblem(
                f"The Dagster UI cannot listen on port {port}: {error.strerror}. Choose another with --port, or leave "
                "it out."
            ) from None
        return probe.getsockname()[1]


@contextlib.contextmanager
def _dagster(demo: Demo, port: int) -> Iterator[subprocess.Popen[bytes]]:
    # Not `dg dev`: that starts in the project's folder, and takes the user's own .env from there.
    command = [
        sys.executable, "-m", "dagster", "dev", "--workspace", str(demo.place.workspace), "--host", _HOST,
        "--port", str(port),
    ]  # fmt: skip
    with demo.place.ui_log.open("ab") as log:
        # A session of its own: Ctrl-C reaches this process alone, which then ends the others in order.
        server = subprocess.Popen(
            command, env=demo.environment() | {"PYTHONWARNINGS": "ignore"}, cwd=demo.place.folder,
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        try:
            yield server
        finally:
            _end(server)


def _wait_until_served(server: subprocess.Popen[bytes], url: str, demo: Demo) -> None:
    # Loopback is never behind the proxy that the environment may name.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    until = time.monotonic() + _START_SECONDS
    while server.poll() is None and time.monotonic() < until:
        with contextlib.suppress(OSError), opener.open(f"{url}/server_info", timeout=2):
            return
        time.sleep(0.2)
    raise DemoProblem(f"The Dagster UI did not start; {demo.place.ui_log} tells why.")


def _end(server: subprocess.Popen[bytes]) -> None:
    """Let `dagster dev` end its services, then end whatever is left of its session."""
    try:
        if server.poll() is None:
            server.send_signal(signal.SIGINT)
            server.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
    finally:
        # Also when somebody presses Ctrl-C again.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
