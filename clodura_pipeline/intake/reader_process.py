"""Reads contact files in a process of their own, with limits on memory and time: no file can take down a run.

The process is started for the first file and kept while it is healthy. Rows come back as an Arrow stream in a temporary
folder that only this user can open.
"""

import contextlib
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

import polars as pl
import psutil
import pyarrow as pa

from clodura_pipeline.errors import CloduraPipelineError
from clodura_pipeline.intake.contact_file import ContactRows, is_packed, read_contacts
from clodura_pipeline.intake.headers.matching import Spellings
from clodura_pipeline.intake.rows.landed_rows import LANDED_SCHEMA
from clodura_pipeline.intake.unreadable import UnreadableFile

_MEBIBYTE = 1 << 20
_PACKAGE_PARENT = Path(__file__).parents[2]
_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); from clodura_pipeline.intake.reader_process import serve; "
    "serve(int(sys.argv[2]))"
)
# Else allocators reserve address space far beyond what they use, and its limit says little: 2.3 GB instead of 0.5 GB.
_ALLOCATE_AS_NEEDED = {"MALLOC_ARENA_MAX": "2", "ARROW_DEFAULT_MEMORY_POOL": "system"}
_START_SECONDS = 120  # 1 s on an idle machine
_TRY_START = f"To see why, run: {sys.executable} -c 'import clodura_pipeline.intake.reader_process'"
_ROWS = "rows.arrow"


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
        size = location.stat().st_size * (self.packed_ratio if is_packed(location) else 1)
        memory = self.memory_bytes + int(size * self.memory_per_byte)
        return memory, self.seconds + size / _MEBIBYTE * self.seconds_per_mebibyte


@dataclass(frozen=True)
class _Request:
    """A file to read, and the folder for its rows."""

    location: Path
    spellings: Spellings
    memory_bytes: int
    folder: Path


class _ReaderEnds(UnreadableFile):
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
    ) -> Iterator[tuple[ContactRows, pa.RecordBatchReader]]:
        """What `read_contacts` says of a file, without the rows, and the rows in batches while the context lasts.

        Raises UnreadableFile, also at a limit.
        """
        try:
            memory_bytes, seconds = self._limits.of(location)
            is_large = location.stat().st_size > self._limits.kept_bytes
        except OSError as error:
            raise UnreadableFile(f"cannot be opened: {error.strerror}") from None
        with tempfile.TemporaryDirectory(prefix="clodura-contacts-", dir=self._folder) as folder:
            request = _Request(location.absolute(), dict(extra_spellings or {}), memory_bytes, Path(folder))
            answer = self._ask(request, seconds)
            if is_large or isinstance(answer, _ReaderEnds):
                self._stop()
            if isinstance(answer, Exception):
                raise answer
            with pa.memory_map(str(Path(folder, _ROWS))) as file, pa.ipc.open_stream(file) as batches:
                yield answer, batches

    def _ask(self, request: _Request, seconds: float) -> ContactRows | Exception:
        if self._process is not None and self._process.poll() is not None:
            self._stop()  # it was ended from outside, and no file is to blame
        pipe = self._pipe or self._start()
        try:
            pipe.send(request)
            if pipe.poll(seconds):
                return pipe.recv()
        except (EOFError, ConnectionError):
            reason = f"{_beyond_memory(request.memory_bytes)} (its reader ended with code {self._stop()})"
            raise UnreadableFile(reason) from None
        except BaseException:  # an interruption while the answer is awaited: the next file must not get it
            self._stop()
            raise
        self._stop()
        raise UnreadableFile(_beyond(f"took more than {seconds:,.0f} seconds to read"))

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


def _beyond(what: str) -> str:
    return f"{what}, the limit for a file of its size; split it into several files, or save it as plain CSV"


def _beyond_memory(memory_bytes: int) -> str:
    return _beyond(f"took more than {memory_bytes // _MEBIBYTE:,} MiB of memory to read")


def serve(file_descriptor: int) -> None:
    """The other process: answers requests until the pipe is closed."""
    pipe = Connection(file_descriptor)
    with tempfile.TemporaryDirectory() as folder:  # libraries reserve address space when they are first used
        first = Path(folder, "first.csv")
        first.write_text("email,name\na@example.com,Ann\n")
        _read(_Request(first, {}, 0, Path(folder)))
    pipe.send("ready")
    with contextlib.suppress(EOFError):
        while True:
            answer = _answer(pipe.recv())
            pipe.send(answer)
            if isinstance(answer, _ReaderEnds):
                return


def _answer(request: _Request) -> ContactRows | Exception:
    try:
        with _memory_limit(request.memory_bytes):
            return _read(request)
    except UnreadableFile as error:
        return error
    except OSError as error:  # those of the contact file are an UnreadableFile
        reason = f"{error.strerror or type(error).__name__}, while rows were written to {request.folder}"
        return OSError(error.errno or 0, reason)
    except MemoryError:
        return _ReaderEnds(_beyond_memory(request.memory_bytes))
    except BaseException as error:  # noqa: BLE001 - panics of Rust libraries are no Exception
        return _ReaderEnds(f"could not be read: unexpected error {type(error).__name__}; save it as plain CSV")


def _read(request: _Request) -> ContactRows:
    schema = pl.DataFrame(schema=LANDED_SCHEMA).to_arrow().schema
    with pa.OSFile(str(request.folder / _ROWS), "wb") as file, pa.ipc.new_stream(file, schema) as writer:
        return read_contacts(
            request.location, request.spellings, lambda rows: writer.write_table(rows.to_arrow(), max_chunksize=50_000)
        )


@contextlib.contextmanager
def _memory_limit(memory_bytes: int) -> Iterator[None]:
    """Limits the address space to what is taken now and `memory_bytes` more, where the system can."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + memory_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
