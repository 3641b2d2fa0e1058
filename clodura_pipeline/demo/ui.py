"""The Dagster UI on the demo's own data, until Ctrl-C."""

import contextlib
import socket
import subprocess
import time
import urllib.request

from rich.console import Console

from clodura_pipeline.demo.folder import DemoError
from clodura_pipeline.demo.processes import running
from clodura_pipeline.demo.runs import Demo

_HOST = "127.0.0.1"
_START_SECONDS = 120.0


def serve_ui(demo: Demo, console: Console, port: int) -> None:
    """Start the Dagster UI and its daemon, print the address, and end both on Ctrl-C.

    Raises:
        DemoError: the UI did not start, or ended by itself.
    """
    url, folder = f"http://{_HOST}:{port}", demo.folder
    # Not `dg dev`: that starts in the project's folder, and takes the user's own .env from there.
    arguments = ["-m", "dagster", "dev", "--workspace", str(folder.workspace), "--host", _HOST, "--port", str(port)]
    environment = demo.environment() | {"PYTHONWARNINGS": "ignore"}
    with (
        contextlib.suppress(KeyboardInterrupt),
        running(arguments, environment, folder.folder, folder.ui_log) as server,
    ):
        with console.status("Starting the Dagster UI"):
            if not _is_served(server, url):
                raise DemoError(f"The Dagster UI did not start. The log is {folder.ui_log}.")
        console.print(f"\n  The Dagster UI on the demo's data: [bold link={url}]{url}[/]", highlight=False)
        console.print(f"  The sandbox that it calls: {demo.sandbox.base_url}/_sandbox/help", highlight=False)
        console.print("  Ctrl-C ends both.\n")
        server.wait()
        raise DemoError(f"The Dagster UI ended by itself. The log is {folder.ui_log}.")
    console.print("  The Dagster UI and the sandbox have ended.")


def free_port(port: int | None) -> int:
    """The given port, or any free one when none is given.

    Raises:
        DemoError: it is taken.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port or 0))
        except OSError as error:
            raise DemoError(
                f"The Dagster UI cannot listen on port {port}: {error.strerror}. Choose another with --port, or leave "
                "it out."
            ) from None
        return probe.getsockname()[1]


def _is_served(server: subprocess.Popen[str], url: str) -> bool:
    # Calls to loopback do not go through a proxy that the environment names.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    until = time.monotonic() + _START_SECONDS
    while server.poll() is None and time.monotonic() < until:
        with contextlib.suppress(OSError), opener.open(f"{url}/server_info", timeout=2):
            return True
        time.sleep(0.2)
    return False
