"""First starts at the same moment: Dagster's storage, as dagster.yaml sets it up, is made once and opens for all."""

import multiprocessing
import os
import shutil
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROCESSES = 4


def open_instance(folder: str, ready: Barrier, told: "SimpleQueue[str]") -> None:
    from dagster import DagsterInstance

    os.chdir(folder)
    ready.wait(30)
    try:
        with DagsterInstance.from_config(folder) as instance:
            told.put(f"{len(instance.get_runs())} runs")
    except Exception as error:  # noqa: BLE001
        told.put(f"{type(error).__name__}: {error}")


def test_processes_that_start_at_once_in_a_new_project_all_open_dagsters_storage(tmp_path: Path) -> None:
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["dagster", "clodura_pipeline.graph.run_storage"])
    shutil.copy(ROOT / "dagster.yaml", tmp_path)
    ready, told = server.Barrier(PROCESSES), server.SimpleQueue()
    processes = [server.Process(target=open_instance, args=(str(tmp_path), ready, told)) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    # With Dagster's own class two or three of four failed, every time.
    assert [told.get() for _ in processes] == ["0 runs"] * PROCESSES
    for process in processes:
        process.join(30)
    assert len(list((tmp_path / ".dagster" / "storage").rglob("runs.db"))) == 1
