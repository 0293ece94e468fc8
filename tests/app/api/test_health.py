"""Liveness holds to the end; readiness ends first."""


def test_a_healthy_process_is_live_and_ready(client):
    assert client.get("/livez").json() == {"status": "live"}
    assert client.get("/readyz").json() == {"status": "ready"}


def test_a_stopping_process_is_live_and_not_ready(make_client):
    stopping = make_client(is_draining=lambda: True)
    assert stopping.get("/livez").status_code == 200
    reply = stopping.get("/readyz")
    assert reply.status_code == 503
    assert reply.json()["detail"] == "The service is stopping."
