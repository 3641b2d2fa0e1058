"""`clodura-pipeline demo`: the whole pipeline at work, with no key and no cost."""

import contextlib
import signal
import socket
import time
from collections.abc import Iterator

import click
from rich.console import Console

from clodura_pipeline import settings
from clodura_pipeline.demo.folder import DemoError
from clodura_pipeline.demo.runs import Demo, open_demo, run_days
from clodura_pipeline.demo.summary import print_summary

_HOST = "127.0.0.1"
_UI_START_SECONDS = 120.0


@click.command()
@click.option("--fresh", is_flag=True, help="Start from scratch: delete data/demo first.")
@click.option("--ui", is_flag=True, help="Then open the Dagster UI on the demo's data, until Ctrl-C.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the Dagster UI; any free one when left out.")
def demo(fresh: bool, ui: bool, port: int | None) -> None:
    """See the pipeline work: sample contact files, a stand-in for Clodura, and everything else for real.

    Needs no key and costs nothing. Lives in data/demo; your own settings, files and ledger are not touched. A second
    demo makes no calls: every person has an answer.
    """
    if port and not ui:
        raise click.UsageError("--port is the Dagster UI's: use it with --ui.")
    click.echo("Clodura demo: everything is real except Clodura, which a sandbox on this machine stands in for.\n")
    console = Console()
    try:
        with _signals_as_interrupts():
            ui_port = _free_port(port) if ui else None
            with open_demo(settings.project_root(), fresh) as opened:
                finished = run_days(opened, console)
                print_summary(finished, console, invite_to_ui=not ui)
                if ui_port:
                    _serve_ui(opened, console, ui_port)
    except OSError as error:
        raise click.ClickException(f"The demo cannot continue: {error}") from None
    except KeyboardInterrupt:
        console.print("\nStopped. The next demo continues here and makes no call twice.")
        raise click.exceptions.Exit(130) from None
    if not finished.charges_agree:
        raise click.ClickException(
            "The ledger and the sandbox's call log disagree on the credits. Report it: they never should."
        )


@contextlib.contextmanager
def _signals_as_interrupts() -> Iterator[None]:
    """SIGTERM and SIGHUP (a closed terminal) raise KeyboardInterrupt: else the demo's processes would be left running.

    SIGINT does so too where it was ignored, as shells have it for what they start in the background.
    """

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _serve_ui(demo: Demo, console: Console, port: int) -> None:
    """Start the Dagster UI and its daemon, print the address, and end both on Ctrl-C."""
    url, log = f"http://{_HOST}:{port}", demo.folder.ui_log
    # Not `dg dev`: that starts in the project's folder, and takes the user's own .env from there.
    arguments = f"-m dagster dev -m clodura_pipeline.definitions --host {_HOST} --port {port}".split()
    with contextlib.suppress(KeyboardInterrupt), demo.start(arguments, log) as server:
        with console.status("Starting the Dagster UI"):
            until = time.monotonic() + _UI_START_SECONDS
            while True:
                with contextlib.suppress(OSError), socket.create_connection((_HOST, port), timeout=2):
                    break
                if server.poll() is not None or time.monotonic() > until:
                    raise DemoError(f"The Dagster UI did not start. The log is {log}.")
                time.sleep(0.2)
        console.print(f"\n  The Dagster UI on the demo's data: [bold link={url}]{url}[/]", highlight=False)
        console.print(f"  The sandbox that it calls: {demo.sandbox.base_url}/_sandbox/help", highlight=False)
        console.print("  Ctrl-C ends both.\n")
        server.wait()
        raise DemoError(f"The Dagster UI ended by itself. The log is {log}.")
    console.print("  The Dagster UI and the sandbox have ended.")


def _free_port(port: int | None) -> int:
    """The given port, or any free one when none is given."""
    try:
        with socket.create_server((_HOST, port or 0)) as probe:
            return probe.getsockname()[1]
    except OSError as error:
        raise DemoError(
            f"The Dagster UI cannot listen on port {port}: {error.strerror}. Choose another with --port."
        ) from None
