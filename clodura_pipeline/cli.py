"""The command line: `clodura-pipeline`."""

import os

import click

from clodura_pipeline.commands.answers import answers
from clodura_pipeline.commands.doctor import doctor
from clodura_pipeline.commands.export import export
from clodura_pipeline.commands.forget import forget
from clodura_pipeline.commands.ledger import ledger
from clodura_pipeline.commands.run import plan, run
from clodura_pipeline.commands.sandbox import sandbox
from clodura_pipeline.commands.status import status
from clodura_pipeline.commands.tables import tables
from clodura_pipeline.demo.command import demo
from clodura_pipeline.private_files import ONLY_FOR_OWNER


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="clodura-pipeline")
@click.pass_context
def main(context: click.Context) -> None:
    """Enrich contact lists through Clodura. The Dagster UI is started with `dg dev` (see the README)."""
    usual_umask = os.umask(ONLY_FOR_OWNER)  # of logs, backups, exports and the demo
    context.call_on_close(lambda: os.umask(usual_umask))


for _command in (demo, doctor, plan, run, status, answers, export, tables, ledger, forget, sandbox):
    main.add_command(_command)


if __name__ == "__main__":
    main()
