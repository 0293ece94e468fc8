"""What a process does before it serves."""

from app.main import service_board
from app.schemas import EXAMPLE_IMAGE
from app.settings import Settings
from app.worker import counting_app
from tests.conftest import InProcess


def test_a_worker_that_cannot_count_with_the_others_serves_all_the_same(artefact, caplog):
    board = service_board(Settings())
    board.agree(1.0)  # as if by other code
    app = counting_app(artefact, Settings(), lambda: False, board)
    assert InProcess(app).post("/predict", json={"pixels": EXAMPLE_IMAGE}).json()["digit"] == 3
    (record,) = caplog.records
    assert record.getMessage() == (
        "this worker counts alone, and /metrics misses it: The code has changed since the service started."
    )
