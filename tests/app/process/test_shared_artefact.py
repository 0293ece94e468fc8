"""The verified file of weights in shared memory, and its reload."""

import multiprocessing
import threading

import pytest

from app.main import create_service_counters
from app.observability.shared_counters import MODEL_LOAD_RESULTS
from app.process import shared_artefact
from app.process.shared_artefact import Reloader, SharedArtefact, reload_artefact
from app.settings import Settings
from model import MAX_ARTEFACT_BYTES
from tests.artefacts import BAD_FILES, second_artefact
from tests.conftest import ROOT
from tests.e2e.server import poll_until

RELEASED = ROOT / "model" / "digits.npz"


def test_publication_replaces_all_bytes_and_has_another_number():
    shared, numbers = SharedArtefact(b"first\0"), set()
    for data in (b"first\0", b"", b"\0longer", bytes(MAX_ARTEFACT_BYTES)):
        shared.publish(data)
        number, published = shared.read()
        assert (number, published) == (shared.publication, data)
        numbers.add(number)
    assert len(numbers) == 4


def publish_alternately(shared, contents):
    """Publish two contents in turn, many times."""
    for _ in range(200):
        for content in contents:
            shared.publish(content)


def test_reader_never_sees_a_part_of_one_content_and_a_part_of_another():
    contents = (b"a" * MAX_ARTEFACT_BYTES, b"b" * (MAX_ARTEFACT_BYTES - 1))
    shared = SharedArtefact(contents[0])
    writer = multiprocessing.get_context("fork").Process(target=publish_alternately, args=(shared, contents))
    writer.start()
    read = set()
    while writer.is_alive():
        read.add(shared.read())
    assert {content for _, content in read} <= set(contents)
    assert shared.read() == (1 + 200 * 2, contents[1])


@pytest.fixture
def reload(caplog):
    """A function that reloads a path or the given bytes.

    It returns the published bytes, the numbers of loads by result, and the log line.
    """
    shared, counters = SharedArtefact(RELEASED.read_bytes()), create_service_counters(Settings())

    def reload(path, **settings):
        caplog.clear()
        caplog.set_level("INFO")
        reload_artefact(shared, Settings(weights=path, **settings), counters)
        (record,) = caplog.records
        return shared.read()[1], dict(zip(MODEL_LOAD_RESULTS, counters.model_loads.tolist(), strict=True)), record

    return reload


def test_valid_file_is_published_counted_and_logged_with_its_hash(reload, artefact, tmp_path):
    path = tmp_path / "second.npz"
    second = second_artefact(path, artefact)
    data, loads, record = reload(path)
    assert data == path.read_bytes()
    assert loads == {"success": 1, "failure": 0}
    assert (record.levelname, record.message) == ("INFO", "reloaded")
    assert (record.version, record.sha256) == (second.card.version, second.sha256)


def test_file_with_another_hash_than_the_pinned_one_is_not_published(reload, artefact, tmp_path):
    path = tmp_path / "second.npz"
    second = second_artefact(path, artefact)
    data, loads, record = reload(path, weights_sha256=artefact.sha256)
    assert data == RELEASED.read_bytes()
    assert loads == {"success": 0, "failure": 1}
    assert record.message == f"reload failed: {path} has SHA-256 {second.sha256}, not {artefact.sha256}"


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_file_is_one_log_line_and_the_old_bytes_stay(reload, tmp_path, name):
    path = tmp_path / "bad.npz"
    BAD_FILES[name](path)
    data, loads, record = reload(path)
    assert data == RELEASED.read_bytes()
    assert loads == {"success": 0, "failure": 1}
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
        reload_artefact(*arguments)

    def load_count():
        reloader.start_if_requested()
        return len(loads)

    monkeypatch.setattr(shared_artefact, "reload_artefact", load_when_allowed)
    second = second_artefact(tmp_path / "second.npz", artefact)
    shared, settings = SharedArtefact(artefact.data), Settings(weights=tmp_path / "second.npz")
    counters = create_service_counters(settings)
    reloader = Reloader(shared, settings, counters)
    assert load_count() == 0
    reloader.request()
    poll_until(lambda: load_count() == 1)
    for _ in range(3):
        reloader.request()
        assert load_count() == 1
    loads[0].set()
    poll_until(lambda: load_count() == 2)
    loads[1].set()
    poll_until(lambda: counters.model_loads.tolist() == [2, 0])
    assert load_count() == 2
    assert shared.read()[1] == second.data
