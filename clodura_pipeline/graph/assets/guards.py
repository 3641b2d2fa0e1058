"""What must hold before money is spent or the published file is replaced."""

from pathlib import Path

import dagster as dg

from clodura_pipeline.graph.resources import ProjectFiles
from clodura_pipeline.ledger import Ledger
from clodura_pipeline.warehouse.publication import UnwritableFile, bought_answers_shown


def refuse_new_ledger(journal: Ledger, files: ProjectFiles) -> None:
    """Raises `Failure` when an empty ledger stands beside a published file that shows bought answers.

    A run would buy them all again, and a publication would show that nobody was ever asked.
    """
    if files.allow_new_ledger or journal.newest_attempt():
        return
    try:
        shown = bought_answers_shown(Path(files.database))
    except UnwritableFile as problem:
        raise dg.Failure(f"The ledger {journal.path} is new and empty, and {problem}", allow_retries=False) from None
    if shown:
        raise dg.Failure(
            f"The ledger {journal.path} is new and empty, but {files.database} shows {shown} bought answers: going on "
            "would buy everything again. Restore CLODURA_STATE_DIR from your back-up; or, if that is what you want, "
            "set CLODURA_ALLOW_NEW_LEDGER=1.",
            allow_retries=False,
        )
