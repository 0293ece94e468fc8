"""The probes: a process is live until it ends, and ready until it starts to drain."""


def test_running_process_is_live_and_ready(client):
    assert client.get("/livez").json() == {"status": "live"}
    assert client.get("/readyz").json() == {"status": "ready"}


def test_draining_process_is_live_and_not_ready(make_client):
    draining = make_client(is_draining=lambda: True)
    assert draining.get("/livez").status_code == 200
    reply = draining.get("/readyz")
    assert reply.status_code == 503
    assert reply.json()["detail"] == "The service is stopping."
