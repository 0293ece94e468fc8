"""The verified file of weights in shared memory, and its reload."""

import itertools
import multiprocessing
import time

import pytest

from app.main import create_service_counters
from app.observability.shared_counters import MODEL_LOAD_RESULTS
from app.process.shared_artefact import SharedArtefact, reload_artefact
from app.settings import Settings
from model import MAX_ARTEFACT_BYTES
from tests.artefacts import BAD_FILES, second_artefact
from tests.conftest import ROOT

RELEASED = ROOT / "model" / "digits.npz"


def test_publication_replaces_all_bytes_and_changes_the_version():
    shared, versions = SharedArtefact(b"first\0"), set()
    for data in (b"first\0", b"", b"\0longer", bytes(MAX_ARTEFACT_BYTES)):
        shared.publish(data)
        version, published = shared.read()
        assert published == data
        versions.add(version)
    assert len(versions) == 4
    assert version == shared.version


def publish_alternately(shared, contents):
    """Publish two contents in turn until the process is killed, about half of the time."""
    for content in itertools.cycle(contents):
        shared.publish(content)
        time.sleep(0.0002)


def test_reader_never_sees_a_part_of_one_content_and_a_part_of_another():
    contents = (b"a" * MAX_ARTEFACT_BYTES, b"b" * (MAX_ARTEFACT_BYTES - 1))
    shared = SharedArtefact(contents[0])
    writer = multiprocessing.get_context("fork").Process(target=publish_alternately, args=(shared, contents))
    writer.start()
    try:
        read = [shared.read() for _ in range(200)]
    finally:
        writer.kill()
        writer.join()
    assert {content for _, content in read} == set(contents)
    assert {version % 2 for version, _ in read} == {0}


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
