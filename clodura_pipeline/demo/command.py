"""`clodura-pipeline demo`: the whole pipeline at work, with no key and no cost."""

import contextlib
import signal
from collections.abc import Iterator

import click
from rich.console import Console

from clodura_pipeline import settings
from clodura_pipeline.demo.runs import open_demo, run_days
from clodura_pipeline.demo.summary import print_summary
from clodura_pipeline.demo.ui import free_port, serve_ui


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
            ui_port = free_port(port) if ui else None
            with open_demo(settings.project_root(), fresh) as opened:
                finished = run_days(opened, console)
                print_summary(finished, console, invite_to_ui=not ui)
                if ui_port:
                    serve_ui(opened, console, ui_port)
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
