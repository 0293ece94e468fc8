"""Settings come from the environment, are validated, and are documented."""

import pytest
from pydantic import ValidationError

from app.settings import Settings
from tests.conftest import ROOT


def test_settings_are_read_from_the_environment(monkeypatch):
    monkeypatch.setenv("DIGITS_PORT", "9000")
    monkeypatch.setenv("DIGITS_ACCESS_LOG", "true")
    assert Settings().port == 9000
    assert Settings().access_log is True


def test_settings_cannot_be_changed_later():
    with pytest.raises(ValidationError, match="frozen"):
        Settings().port = 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", 65536),
        ("port", "eighty"),
        ("workers", 0),
        ("max_body_bytes", 10),
        ("max_batch_rows", 0),
        ("max_batch_rows", 65_537),
        ("keep_alive_seconds", 0),
        ("drain_seconds", -1),
        ("weights_sha256", "abc"),
        ("root_path", "digits"),
        ("root_path", "/digits/"),
        ("root_path", "/é"),
        ("model_name", ""),
        ("model_name", "a/b"),
        ("model_name", ".."),
        ("model_name", "ü"),
        ("model_name", "a" * 254),
        ("model_name", "-a"),
        ("model_name", "stats"),
        ("host", ""),
        ("host", "ü"),
    ],
)
def test_invalid_value_is_rejected_with_the_name_of_its_setting(name, value):
    with pytest.raises(ValidationError) as caught:
        Settings(**{name: value})
    assert caught.value.errors()[0]["loc"] == (name,)


@pytest.mark.parametrize("name", ["a", "7", "a.B_c-1", "statistics", "a" * 253])
def test_valid_model_name_is_accepted(name):
    assert Settings(model_name=name).model_name == name


def test_docs_list_every_setting_with_its_default_and_description():
    text = (ROOT / "docs" / "operations.md").read_text()
    for name, field in Settings.model_fields.items():
        default = {"weights": "model/digits.npz", "cors_origins": "[]", "api_keys": "[]"}.get(name, field.default)
        default_cell = "" if default in (None, "") else f"`{default}`"
        assert f"| `DIGITS_{name.upper()}` | {default_cell} | {field.description} |" in text
