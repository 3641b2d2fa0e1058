"""The command line: `clodura-pipeline`."""

import click

from clodura_pipeline.commands.forget import forget
from clodura_pipeline.commands.ledger import ledger
from clodura_pipeline.commands.sandbox import sandbox
from clodura_pipeline.demo.command import demo


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Enrich contact lists through Clodura. Runs of the pipeline itself are started with `dg` (see the README)."""


for _command in (demo, ledger, forget, sandbox):
    main.add_command(_command)


if __name__ == "__main__":
    main()
