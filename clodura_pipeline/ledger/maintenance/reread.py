"""Reads kept answers again when the parser or the field names have changed: no call is made, money is corrected."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from json import loads

from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.clodura.verdicts import RawAnswer, Verdict
from clodura_pipeline.ledger.attempts import answer_json, load_attempt, write_verdict
from clodura_pipeline.ledger.engines.database import Address, Transaction, database_at

ANSWERS_AT_A_TIME = 500
"""Answers per transaction: concurrent runs wait for the write lock at most as long as reading so many takes."""

Judge = Callable[[RawAnswer, Identifiers], Verdict]
_ANSWERED = "('person', 'organisation', 'no_match', 'unrecognised')"


@dataclass
class RereadCounts:
    """What reading answers again changed.

    `changes`: number of answers by (state before, state after), where fields, state or money changed. `read`: answers
    read again. `credits`: by how much the charged credits rose. `without_bytes`: left as they were, because retention
    has removed their bytes.
    """

    read: int = 0
    changes: Counter[tuple[str, str]] = field(default_factory=Counter)
    credits: float = 0
    without_bytes: int = 0

    def __str__(self) -> str:
        changed = ", ".join(f"{count} {old} -> {new}" for (old, new), count in sorted(self.changes.items()))
        text = f"{self.read} kept answers read again: {changed or 'nothing changed'}; {self.credits:+g} credits"
        if self.without_bytes:
            text += f"; {self.without_bytes} are left as they were, their bytes are no longer kept"
        return text


def begin(tx: Transaction, version: str) -> RereadCounts | None:
    """The counts to start with; None when no kept answer was read by another version (the ends of an index tell)."""
    versions = tx.execute(
        "SELECT min(reader_version), max(reader_version) FROM attempts WHERE raw IS NOT NULL"
    ).fetchone()
    if all(found in (None, version) for found in versions):
        return None
    without_bytes = tx.execute(
        f"SELECT count(*) FROM attempts WHERE raw IS NULL AND request IS NOT NULL AND state IN {_ANSWERED} "
        "AND reader_version <> ?",
        (version,),
    )
    return RereadCounts(without_bytes=without_bytes.fetchone()[0])


def reread_some(
    tx: Transaction,
    judge: Judge,
    version: str,
    counts: RereadCounts,
    after: int = 0,
    dry_run: bool = False,
) -> int | None:
    """Read the next few answers that another reader version has read; returns the last one's id, None at the end.

    Killed at any time, it has corrected some answers completely and others not at all; the next run goes on.

    Args:
        judge: what an answer to such a request says, by this version.
        after: id after which to look.
    """
    ids = tx.execute(
        f"SELECT id FROM attempts WHERE id > ? AND raw IS NOT NULL AND state IN {_ANSWERED} "
        "AND reader_version IS NOT NULL AND reader_version <> ? ORDER BY id LIMIT ?",
        (after, version, ANSWERS_AT_A_TIME),
    ).fetchall()
    for (attempt_id,) in ids:
        row = load_attempt(tx, attempt_id)
        if row["raw"] is None:  # an answer before it named a profile of a person who was erased
            continue
        raw = RawAnswer(row["http_status"], row["raw"], bool(row["raw_truncated"]), row["content_type"] or "")
        verdict = judge(raw, Identifiers.from_request(loads(row["request"] or "{}")))
        if row["doubt_settled_by"] is not None and verdict.cost_basis != "stated":
            # A balance has proved that this call was free, whatever it brought.
            verdict = replace(verdict, charged_credits=0, at_risk_credits=0, cost_basis="balance")
        stored = (row["state"], row["answer"], row["charged_credits"], row["at_risk_credits"])
        judged = (verdict.state, answer_json(verdict.enrichment), verdict.charged_credits, verdict.at_risk_credits)
        counts.read += 1
        counts.credits += verdict.charged_credits - row["charged_credits"]
        if judged != stored:
            counts.changes[row["state"], str(verdict.state)] += 1
        if not dry_run:
            write_verdict(tx, row, verdict, version)
            if row["answer"] is None and row["state"] in ("person", "organisation"):
                # Retention has removed the fields; the bytes are kept for longer, and bring no field back.
                tx.execute("UPDATE attempts SET answer = NULL, shape_id = NULL WHERE id = ?", (row["id"],))
    return ids[-1][0] if len(ids) == ANSWERS_AT_A_TIME else None


def kept_answers(address: Address) -> Iterator[tuple[str, bytes]]:
    """(state, bytes) of every answer that is kept in a ledger, from one consistent state.

    Raises:
        LedgerError: there is no ledger, or it cannot be read.
    """
    query = f"SELECT state, raw FROM attempts WHERE raw IS NOT NULL AND raw_truncated = 0 AND state IN {_ANSWERED}"
    with database_at(address).read() as cursor:
        yield from map(tuple, cursor.execute(query))
