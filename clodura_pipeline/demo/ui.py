"""The Dagster UI on the demo's own data, until Ctrl-C."""

import contextlib
import socket
import time

from rich.console import Console

from clodura_pipeline.demo.folder import DemoError
from clodura_pipeline.demo.runs import Demo

_HOST = "127.0.0.1"
_START_SECONDS = 120.0


def serve_ui(demo: Demo, console: Console, port: int) -> None:
    """Start the Dagster UI and its daemon, print the address, and end both on Ctrl-C.

    Raises:
        DemoError: the UI did not start, or ended by itself.
    """
    url, log = f"http://{_HOST}:{port}", demo.folder.ui_log
    # Not `dg dev`: that starts in the project's folder, and takes the user's own .env from there.
    arguments = f"-m dagster dev -m clodura_pipeline.definitions --host {_HOST} --port {port}".split()
    with contextlib.suppress(KeyboardInterrupt), demo.start(arguments, log) as server:
        with console.status("Starting the Dagster UI"):
            until = time.monotonic() + _START_SECONDS
            while not _is_served(port):
                if server.poll() is not None or time.monotonic() > until:
                    raise DemoError(f"The Dagster UI did not start. The log is {log}.")
                time.sleep(0.2)
        console.print(f"\n  The Dagster UI on the demo's data: [bold link={url}]{url}[/]", highlight=False)
        console.print(f"  The sandbox that it calls: {demo.sandbox.base_url}/_sandbox/help", highlight=False)
        console.print("  Ctrl-C ends both.\n")
        server.wait()
        raise DemoError(f"The Dagster UI ended by itself. The log is {log}.")
    console.print("  The Dagster UI and the sandbox have ended.")


def free_port(port: int | None) -> int:
    """The given port, or any free one when none is given.

    Raises:
        DemoError: it is taken.
    """
    try:
        with socket.create_server((_HOST, port or 0)) as probe:
            return probe.getsockname()[1]
    except OSError as error:
        raise DemoError(
            f"The Dagster UI cannot listen on port {port}: {error.strerror}. Choose another with --port."
        ) from None


def _is_served(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((_HOST, port), timeout=2):
        return True
    return False
