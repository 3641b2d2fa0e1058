"""Settings: where they come from, what they mean, what is said when one cannot be used."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from clodura_pipeline.settings import SettingsError, load_settings, project_root


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("CLODURA_")]:
        monkeypatch.delenv(name)


def test_defaults_are_those_of_the_readme(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "none")
    assert (settings.base_url, settings.api_key) == ("https://api.clodura.ai", "")
    assert settings.limits.windows() == ((10, 1.06), (100, 60.06))
    assert settings.limits.per_day == 2000
    assert (settings.budget.per_run_credits, settings.budget.per_day_credits) == (1000, 0)
    assert settings.contacts_dir == project_root() / "data" / "contacts"
    assert settings.working_database == project_root() / "data" / "state" / "working.duckdb"


def test_the_environment_wins_over_the_env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("CLODURA_BATCH_SIZE=7\nCLODURA_MAX_WORKERS=3\nCLODURA_API_KEY=\n")
    monkeypatch.setenv("CLODURA_MAX_WORKERS", "5")
    settings = load_settings(env_file)
    assert (settings.batch_size, settings.max_workers, settings.api_key) == (7, 5, "")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CLODURA_BATCH_SIZE", "many"),
        ("CLODURA_MAX_WORKERS", "0"),
        ("CLODURA_TIMEOUT_SECONDS", "-1"),
        ("CLODURA_MIN_MATCH_RATE", "40"),
        ("CLODURA_START_DATE", "yesterday"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_without_a_traceback_of_pydantic(
    name: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name):
        load_settings(tmp_path / "none")


def test_the_key_is_not_in_the_repr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLODURA_API_KEY", "k-e-y-marked")
    settings = load_settings(tmp_path / "none")
    assert settings.api_key == "k-e-y-marked"
    assert "k-e-y-marked" not in repr(settings) + str(settings)


@pytest.mark.parametrize("where", ["environment", "file"])
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("CLODURA_MAX_CREDIT_PER_RUN", "did you mean CLODURA_MAX_CREDITS_PER_RUN?"),
        ("clodura_max_credit_per_day", "did you mean CLODURA_MAX_CREDITS_PER_DAY?"),
        ("CLODURA_WEATHER", "not known"),
    ],
)
def test_a_misspelt_setting_stops_the_start_and_names_the_one_that_was_meant(
    where: str, name: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if where == "environment":
        monkeypatch.setenv(name, "20")
    else:
        (tmp_path / ".env").write_text(f"{name}=20\n")
    with pytest.raises(SettingsError) as raised:
        load_settings(tmp_path / ".env")
    assert f"{name}: " in str(raised.value)
    assert says in str(raised.value)


def test_the_keys_of_several_instances_are_no_misspelt_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLODURA_API_KEY_NORTH", "k")
    load_settings(tmp_path / "none")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1"])
def test_an_env_file_in_another_encoding_gets_a_sentence(encoding: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes("# d\xe9j\xe0\nCLODURA_BATCH_SIZE=7\n".encode(encoding))
    with pytest.raises(SettingsError, match="Save it as UTF-8"):
        load_settings(tmp_path / ".env")


def test_an_env_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes("CLODURA_BATCH_SIZE=7\n".encode("utf-8-sig"))
    assert load_settings(tmp_path / ".env").batch_size == 7


def test_a_ledger_is_on_postgresql_or_in_the_state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings(tmp_path / "none").ledger == load_settings(tmp_path / "none").state_dir / "ledger.sqlite"
    monkeypatch.setenv("CLODURA_LEDGER_URL", "postgresql://ada:sesame@db:6432/ledger?sslmode=require")
    settings = load_settings(tmp_path / "none")
    assert str(settings.ledger) == "postgresql://db:6432/ledger"
    assert "sesame" not in f"{settings!r} {settings.ledger!r}"
    monkeypatch.setenv("CLODURA_LEDGER_URL", "mysql://ada:sesame@db/ledger")
    with pytest.raises(SettingsError, match=r"CLODURA_LEDGER_URL.*postgresql://") as caught:
        load_settings(tmp_path / "none")
    assert "sesame" not in str(caught.value)


_PRINT_BATCH_SIZE = """
import os, subprocess, sys
os.environ["CLODURA_BATCH_SIZE"] = "7"  # as Dagster puts the values of .env over the environment
if len(sys.argv) > 2:
    subprocess.run([sys.executable, "-c", sys.argv[2], sys.argv[1]], check=True)
else:
    from pathlib import Path
    from clodura_pipeline.settings import load_settings
    print(load_settings(Path(sys.argv[1])).batch_size)
"""


@pytest.mark.parametrize("in_child", [False, True], ids=["this process", "a process that it starts"])
@pytest.mark.parametrize(("given", "expected"), [("5", "5"), (None, "7")])
def test_a_value_that_the_file_was_put_over_is_found_again(
    given: str | None, expected: str, in_child: bool, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("CLODURA_BATCH_SIZE=7\n")
    environment = dict(os.environ) | ({"CLODURA_BATCH_SIZE": given} if given else {})
    code = [_PRINT_BATCH_SIZE] if in_child else []
    command = [sys.executable, "-c", _PRINT_BATCH_SIZE, str(tmp_path / ".env"), *code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == expected
