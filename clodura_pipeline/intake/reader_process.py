"""Reads contact files in a process of their own, with limits on memory and time: no file can take down a run.

The process is started for the first file and kept while it is healthy. Rows come back as an Arrow stream in a temporary
folder that only this user can open.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from clodura_pipeline.errors import CloduraPipelineError
from clodura_pipeline.intake.unreadable import UnreadableFile

if TYPE_CHECKING:  # what reads files is imported where files are read
    from clodura_pipeline.intake.rows.landed_rows import ContactRows

Spellings = Mapping[str, tuple[str, ...]]
_PACKED = (b"\x1f\x8b", b"PK\x03\x04", b"PAR1")  # gzip, a workbook, Parquet: they hold more than their size
_MEBIBYTE = 1 << 20
_PACKAGE_PARENT = Path(__file__).parents[2]
_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); from clodura_pipeline.intake.reader_worker import serve; "
    "serve(int(sys.argv[2]))"
)
# Else allocators reserve address space far beyond what they use, and its limit says little: 2.3 GB instead of 0.5 GB.
_ALLOCATE_AS_NEEDED = {"MALLOC_ARENA_MAX": "2", "ARROW_DEFAULT_MEMORY_POOL": "system"}
_START_SECONDS = 120  # 1 s on an idle machine
_TRY_START = f"To see why, run: {sys.executable} -c 'import clodura_pipeline.intake.reader_worker'"
ROWS = "rows.arrow"


class ReaderNotStarted(CloduraPipelineError):
    """The process that reads contact files could not be started."""


@dataclass(frozen=True)
class ReadLimits:
    """What reading one file may take: a base, and more for each byte of the file.

    One million rows (144 MB of CSV) take 0.4 GiB; nested JSON takes about ten times its size. A packed file (gzip,
    Parquet, .xlsx) counts as `packed_ratio` times its size.
    """

    memory_bytes: int = 1 << 30
    memory_per_byte: float = 12
    seconds: float = 60
    seconds_per_mebibyte: float = 2
    packed_ratio: int = 10
    kept_bytes: int = 32 * _MEBIBYTE  # after a larger file the process ends, and its memory with it

    def of(self, location: Path) -> tuple[int, float]:
        """Bytes of memory and seconds for a file."""
        with location.open("rb") as file:
            is_packed = file.read(4).startswith(_PACKED)
        size = location.stat().st_size * (self.packed_ratio if is_packed else 1)
        memory = self.memory_bytes + int(size * self.memory_per_byte)
        return memory, self.seconds + size / _MEBIBYTE * self.seconds_per_mebibyte


@dataclass(frozen=True)
class Request:
    """A file to read, and the folder for its rows."""

    location: Path
    spellings: Spellings
    memory_bytes: int
    folder: Path


class ReaderEnds(UnreadableFile):
    """A file after which the process ends: it may have taken memory that does not come back."""


class ContactFileReader:
    """Reads contact files within limits. A context manager: the process ends with it."""

    def __init__(self, limits: ReadLimits | None = None, folder: Path | None = None) -> None:
        """Rows, about five times a file's size, are handed over in `folder`, else where temporary files are kept."""
        self._limits = limits or ReadLimits()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None

    def __enter__(self) -> "ContactFileReader":
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    @contextlib.contextmanager
    def read(
        self, location: Path, extra_spellings: Spellings | None = None
    ) -> Iterator[tuple["ContactRows", pa.RecordBatchReader]]:
        """What `read_contacts` says of a file, without the rows, and the rows in batches while the context lasts.

        Raises UnreadableFile, also at a limit.
        """
        try:
            memory_bytes, seconds = self._limits.of(location)
            is_large = location.stat().st_size > self._limits.kept_bytes
        except OSError as error:
            raise UnreadableFile(f"cannot be opened: {error.strerror}") from None
        with tempfile.TemporaryDirectory(prefix="clodura-contacts-", dir=self._folder) as folder:
            request = Request(location.absolute(), dict(extra_spellings or {}), memory_bytes, Path(folder))
            answer = self._ask(request, seconds)
            if is_large or isinstance(answer, ReaderEnds):
                self._stop()
            if isinstance(answer, Exception):
                raise answer
            with pa.OSFile(str(Path(folder, ROWS))) as file, pa.ipc.open_stream(file) as batches:
                yield answer, batches

    def _ask(self, request: Request, seconds: float) -> "ContactRows | Exception":
        if self._process is not None and self._process.poll() is not None:
            self._stop()  # it was ended from outside, and no file is to blame
        pipe = self._pipe or self._start()
        try:
            pipe.send(request)
            if pipe.poll(seconds):
                return pipe.recv()
        except (EOFError, ConnectionError):
            reason = f"{beyond_memory(request.memory_bytes)} (its reader ended with code {self._stop()})"
            raise UnreadableFile(reason) from None
        except BaseException:  # an interruption while the answer is awaited: the next file must not get it
            self._stop()
            raise
        self._stop()
        raise UnreadableFile(beyond(f"took more than {seconds:,.0f} seconds to read"))

    def _start(self) -> Connection:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CLODURA_")}
        ours, its = Pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START, str(_PACKAGE_PARENT), str(its.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # what libraries print of a crash may hold cells
            env=environment | _ALLOCATE_AS_NEEDED,
            pass_fds=[its.fileno()],
        )
        its.close()
        self._pipe = ours
        with contextlib.suppress(EOFError, ConnectionError):
            if ours.poll(_START_SECONDS) and ours.recv() == "ready":
                return ours
        self._stop()
        raise ReaderNotStarted("The process that reads contact files did not start. No file was read. " + _TRY_START)

    def _stop(self) -> int | None:
        """End the process; returns its exit code, or the number of the signal that ended it, negative."""
        if self._process is None or self._pipe is None:
            return None
        self._process.kill()  # without effect where it has ended by itself
        self._pipe.close()
        code = self._process.wait()
        self._process = self._pipe = None
        return code


def beyond(what: str) -> str:
    return f"{what}, the limit for a file of its size; split it into several files, or save it as plain CSV"


def beyond_memory(memory_bytes: int) -> str:
    return beyond(f"took more than {memory_bytes // _MEBIBYTE:,} MiB of memory to read")
