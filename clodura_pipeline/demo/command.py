"""`clodura-pipeline demo`: the whole pipeline at work, with no key and no cost."""

import click


@click.command(short_help="See the pipeline work; no key needed.")
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
    # Imported late, so that --help does not wait for them.
    from rich.console import Console

    from clodura_pipeline.demo.folder import DemoError
    from clodura_pipeline.demo.processes import signals_as_interrupts
    from clodura_pipeline.demo.runs import open_demo, run_days
    from clodura_pipeline.demo.summary import print_summary
    from clodura_pipeline.demo.ui import free_port, serve_ui
    from clodura_pipeline.settings import project_root

    console = Console()
    try:
        with signals_as_interrupts():
            ui_port = free_port(port) if ui else None
            with open_demo(project_root(), fresh) as opened:
                finished = run_days(opened, console)
                print_summary(finished, console, invite_to_ui=not ui)
                if ui_port:
                    serve_ui(opened, console, ui_port)
    except DemoError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"The demo cannot continue: {error}") from None
    except KeyboardInterrupt:
        console.print("\nStopped. The next demo continues here and makes no call twice.")
        raise click.exceptions.Exit(130) from None
    if not finished.charges_agree:
        raise click.ClickException(
            "The ledger and the sandbox's call log disagree on the credits. Report it: they never should."
        )
