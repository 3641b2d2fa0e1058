"""Settings: where they come from, what they mean, what is said when one cannot be used."""

from pathlib import Path

import pytest

from clodura_pipeline.settings import SettingsError, load_settings, project_root


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

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
