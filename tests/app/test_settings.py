"""Settings come from the environment, are refused by name, and are documented."""

import pytest
from pydantic import ValidationError

from app.settings import Settings
from tests.conftest import ROOT


def test_the_environment_sets_them(monkeypatch):
    monkeypatch.setenv("DIGITS_PORT", "9000")
    monkeypatch.setenv("DIGITS_ACCESS_LOG", "true")
    assert Settings().port == 9000
    assert Settings().access_log is True


def test_they_cannot_be_changed_later():
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
        ("host", ""),
        ("host", "ü"),
    ],
)
def test_a_value_out_of_bounds_is_refused(name, value):
    with pytest.raises(ValidationError) as caught:
        Settings(**{name: value})
    assert caught.value.errors()[0]["loc"] == (name,)


def test_every_setting_has_a_description_and_stands_in_the_docs_with_it():
    text = (ROOT / "docs" / "operations.md").read_text()
    for name, field in Settings.model_fields.items():
        default = "model/digits.npz" if name == "weights" else field.default
        shown = "" if default in (None, "") else f"`{default}`"
        assert f"| `DIGITS_{name.upper()}` | {shown} | {field.description} |" in text
