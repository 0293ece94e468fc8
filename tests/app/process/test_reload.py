"""SIGHUP reads the file of weights and the file of keys again."""

import threading

import pytest
from pydantic import SecretStr

from app.observability.shared_counters import MODEL_LOAD_RESULTS
from app.process import reload as reload_module
from app.process.reload import Reloader, reload_artefact, reload_files
from app.process.service_state import create_service_state
from app.settings import Settings
from tests.artefacts import BAD_FILES, second_artefact
from tests.conftest import ROOT
from tests.e2e.server import poll_until

RELEASED = ROOT / "model" / "digits.npz"


@pytest.fixture
def reload(caplog, artefact):
    """A function that reloads a path or the given bytes.

    It returns the published bytes, the numbers of loads by result with the first load, and the log line.
    """

    def reload(path, **settings):
        state = create_service_state(artefact, Settings(weights=path, **settings), b"")
        caplog.clear()
        caplog.set_level("INFO")
        reload_artefact(state)
        (record,) = caplog.records
        loads = dict(zip(MODEL_LOAD_RESULTS, state.counters.model_loads.tolist(), strict=True))
        return state.artefact.read()[1], loads, record

    return reload


def test_valid_file_is_published_counted_and_logged_with_its_hash(reload, artefact, tmp_path):
    path = tmp_path / "second.npz"
    second = second_artefact(path, artefact)
    data, loads, record = reload(path)
    assert data == path.read_bytes()
    assert loads == {"success": 2, "failure": 0}
    assert (record.levelname, record.message) == ("INFO", "reloaded")
    assert (record.version, record.sha256) == (second.card.version, second.sha256)


def test_file_with_another_hash_than_the_pinned_one_is_not_published(reload, artefact, tmp_path):
    path = tmp_path / "second.npz"
    second = second_artefact(path, artefact)
    data, loads, record = reload(path, weights_sha256=artefact.sha256)
    assert data == RELEASED.read_bytes()
    assert loads == {"success": 1, "failure": 1}
    assert record.message == f"reload failed: {path} has SHA-256 {second.sha256}, not {artefact.sha256}"


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_file_is_one_log_line_and_the_old_bytes_stay(reload, tmp_path, name):
    path = tmp_path / "bad.npz"
    BAD_FILES[name](path)
    data, loads, record = reload(path)
    assert data == RELEASED.read_bytes()
    assert loads == {"success": 1, "failure": 1}
    assert record.levelname == "ERROR"
    assert record.message.startswith(f"reload failed: {path} ")
    assert "\n" not in record.message
    assert record.exc_info is None
    assert not (tmp_path / "bomb").exists()  # which the pickle would create


def test_requests_for_a_load_during_a_load_cause_one_more(artefact, tmp_path, monkeypatch):
    loads: list[threading.Event] = []

    def load_when_allowed(*arguments):
        loads.append(threading.Event())
        loads[-1].wait(10)
        reload_files(*arguments)

    def load_count():
        reloader.start_if_requested()
        return len(loads)

    monkeypatch.setattr(reload_module, "reload_files", load_when_allowed)
    second = second_artefact(tmp_path / "second.npz", artefact)
    state = create_service_state(artefact, Settings(weights=tmp_path / "second.npz"), b"")
    reloader = Reloader(state)
    assert load_count() == 0
    reloader.request()
    poll_until(lambda: load_count() == 1)
    for _ in range(3):
        reloader.request()
        assert load_count() == 1
    loads[0].set()
    poll_until(lambda: load_count() == 2)
    loads[1].set()
    poll_until(lambda: state.counters.model_loads.tolist() == [3, 0])
    assert load_count() == 2
    assert state.artefact.read()[1] == second.data


@pytest.fixture
def keys_file(tmp_path):
    path = tmp_path / "keys"
    path.write_text("first\n")
    return path


def test_new_keys_are_published_and_their_log_line_has_only_their_number(artefact, keys_file, caplog):
    settings = Settings(api_keys=(SecretStr("fixed"),), api_keys_file=keys_file)
    state = create_service_state(artefact, settings, b"fixed\nfirst")
    keys_file.write_text("second\r\n\nthird")
    caplog.set_level("INFO")
    reload_files(state)
    assert state.keys.read()[1] == b"fixed\nsecond\nthird"
    assert [(record.message, vars(record).get("keys")) for record in caplog.records] == [
        ("keys reloaded", 3),
        ("reloaded", None),
    ]


@pytest.mark.parametrize(
    "content", [b"", b" \n\n", b"two words", b"\xff\xff", b"\n".join(b"%d" % n for n in range(21))]
)
def test_invalid_file_of_keys_is_one_log_line_and_the_old_keys_stay_while_the_weights_are_reloaded(
    artefact, keys_file, content, caplog
):
    state = create_service_state(artefact, Settings(api_keys_file=keys_file), b"first")
    keys_file.write_bytes(content)
    caplog.set_level("INFO")
    reload_files(state)
    assert state.keys.read() == (1, b"first")
    error, reloaded = caplog.records
    assert error.message.startswith("reload failed: ")
    assert "two words" not in error.message
    assert reloaded.message == "reloaded"


def test_keys_of_the_environment_are_not_reloaded(artefact, caplog):
    state = create_service_state(artefact, Settings(api_keys=(SecretStr("first"),)), b"first")
    caplog.set_level("INFO")
    reload_files(state)
    assert state.keys.publication == 1
    assert [record.message for record in caplog.records] == ["reloaded"]


def test_missing_file_of_weights_does_not_keep_the_keys_from_being_reloaded(artefact, keys_file, tmp_path):
    state = create_service_state(artefact, Settings(api_keys_file=keys_file, weights=tmp_path / "missing"), b"old")
    reload_files(state)
    assert state.keys.read()[1] == b"first"
