"""The command line: `clodura-pipeline`."""

import os
from importlib import import_module

import click

from clodura_pipeline.errors import UserFixableError
from clodura_pipeline.private_files import ONLY_FOR_OWNER

_COMMANDS = {
    "demo": ("demo.command", "See the pipeline work; no key needed."),
    "doctor": ("commands.doctor", "Is everything set up? Spends nothing, except with --call."),
    "plan": ("commands.run", "What a run would call for and cost; spends nothing."),
    "run": ("commands.run", "Enrich the contacts of a day or a range; spends credits."),
    "status": ("commands.status", "What is running, spent today, left and pending."),
    "answers": ("commands.answers", "The shapes of Clodura's answers; reads kept ones again."),
    "export": ("commands.export", "A table or view as CSV that is safe in a spreadsheet."),
    "tables": ("commands.tables", "The data dictionary of the published file."),
    "ledger": ("commands.ledger", "Check, back up, export or move the ledger."),
    "forget": ("commands.forget", "Erase one person at their request."),
    "sandbox": ("commands.sandbox", "Start the stand-in for Clodura's API."),
}


class _Commands(click.Group):
    """Imports a command when it is used, so that --help is fast, and shows errors that a user can fix as messages."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click's name)
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        return getattr(import_module(f"clodura_pipeline.{_COMMANDS[cmd_name][0]}"), cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in _COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except UserFixableError as error:
            raise click.ClickException(str(error)) from None


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="clodura-pipeline")
@click.pass_context
def main(context: click.Context) -> None:
    """Enrich contact lists through Clodura. The Dagster UI is started with `dg dev` (see the README)."""
    usual_umask = os.umask(ONLY_FOR_OWNER)  # of logs, backups, exports and the demo
    context.call_on_close(lambda: os.umask(usual_umask))


if __name__ == "__main__":
    main()
