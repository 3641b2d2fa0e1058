"""The contract of the database that a ledger is kept in: what every engine guarantees, and the errors they share.

LedgerError                 the ledger cannot be used
└── LedgerUnavailable       not now: locked, or its disk is full
    └── LedgerUnreachable   the connection to its server is lost, and may come back
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol
from urllib.parse import urlsplit

from clodura_pipeline.errors import UserFixableError
from clodura_pipeline.ledger.engines.schema import SCHEMA_VERSION

BUSY_SECONDS = 30.0
"""How long a transaction waits for those of other processes."""


class LedgerError(UserFixableError):
    """The ledger cannot be used."""


class LedgerUnavailable(LedgerError):
    """The ledger cannot be written now: it is locked, or its disk is full. Trying again may help."""


class LedgerUnreachable(LedgerUnavailable):
    """The connection to the ledger's server is lost. It may come back, and nothing is decided meanwhile."""


@dataclass(frozen=True)
class LedgerUrl:
    """Where a ledger on PostgreSQL is. As text it has neither user nor password nor parameters."""

    url: str = field(repr=False)

    def __str__(self) -> str:
        parts = urlsplit(self.url)
        return f"postgresql://{parts.netloc.rpartition('@')[2]}{parts.path}"


Address = Path | LedgerUrl
"""Where a ledger is: a SQLite file, or a PostgreSQL database."""
Row = Any
"""A row of a result: its columns are read by place or by name."""


class Rows(Protocol):
    """What a statement found."""

    def fetchone(self) -> Row: ...
    def fetchmany(self, size: int, /) -> list[Row]: ...
    def fetchall(self) -> list[Row]: ...
    def __iter__(self) -> Iterator[Row]: ...


class Cursor(Protocol):
    """Executes statements in one transaction: written once, in SQL that all engines read, with `?` for parameters."""

    def execute(self, statement: str, parameters: Sequence[Any] = ..., /) -> Rows: ...
    def executemany(self, statement: str, rows: Iterable[Sequence[Any]], /) -> object: ...


class LedgerDatabase(ABC):
    """The open database of one ledger. Threads may share it; each process opens its own.

    Opening creates the tables when there are none, migrates those of an older schema, and refuses those of a newer one.
    Every engine guarantees:

    - **One decision at a time.** Between the begin and the end of a `transaction`, no transaction of another thread,
      process or host begins. A transaction sees everything that those before it committed.
    - **Committed means durable.** When `transaction` ends without an error, its changes outlive a crash of this process
      and of the database. When it ends with an error, none of them is there, or (a connection that was lost during the
      commit) all of them: repeating a transaction must do no harm.
    - **Readers see one state.** Everything read in one `open_to_read` is of the same committed state; it waits for no
      transaction, and none waits for it.
    - **Errors** of the engine are raised as `LedgerError` in words, without statements, values or secrets.
    """

    has_own_clock: ClassVar[bool]
    """Whether hosts share it, so that time is its own clock's; else all processes have one host's clock."""

    @abstractmethod
    def transaction(
        self, opening: Callable[[], str] = lambda: "SELECT 1"
    ) -> AbstractContextManager[tuple[Cursor, Row]]:
        """One transaction: committed at the end of the body, rolled back when the body raises.

        Args:
            opening: gives the statement to execute in the same round trip as its begin, when nothing of this process
                is in its way; the row it finds is handed out with the cursor.
        """

    @abstractmethod
    def overwrite_removed(self, thoroughly: bool) -> bool:
        """Leave no bytes of removed rows in the tables' files; False when others keep them busy.

        Args:
            thoroughly: rewrite them as a whole.
        """

    @abstractmethod
    def after_copy(self) -> None:
        """Rows with ids were copied in: ids that are given later follow on them."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection."""


def newer_version(version: int, address: Address) -> LedgerError:
    """The error for a ledger of a later schema than this program's."""
    return LedgerError(
        f"The ledger was written by a newer clodura_pipeline (version {version}, this one knows {SCHEMA_VERSION}). "
        f"Nothing was changed. Install that version or a later one. Ledger: {address}"
    )
