"""The balancers of the fault benchmark have the configuration of `deploy/proxies`."""

import socket

import pytest

from benchmarks.faults import balancers
from benchmarks.faults.balancers import BALANCERS
from benchmarks.serving.process import free_port


@pytest.mark.parametrize("balancer", BALANCERS.values())
def test_only_addresses_of_the_configuration_are_replaced(balancer, tmp_path):
    targets = [("198.18.0.10", 8000), ("127.0.0.1", 8001)]
    text = balancers.write_configuration(balancer, tmp_path, "127.0.0.1:9000", targets).read_text()
    original = balancer.configuration.read_text()
    assert [line for line in text.splitlines() if "198.18.0.10:8000" in line or "127.0.0.1:8001" in line] == [
        line.replace("replica-1:8000", "198.18.0.10:8000").replace("replica-2:8000", "127.0.0.1:8001")
        for line in original.splitlines()
        if "replica-1:8000" in line or "replica-2:8000" in line
    ]
    assert "replica-3:8000" not in text
    assert "127.0.0.1:9000" in text
    kept = set(original.splitlines()) - set(text.splitlines())
    assert len(kept) <= 5  # three replicas, the address to listen on, and the log of nginx


@pytest.mark.parametrize("balancer", BALANCERS.values())
def test_a_configuration_of_another_form_is_an_error(balancer, tmp_path):
    text = balancer.configuration.read_text()
    file = tmp_path / "configuration"
    changed = balancer._replace(configuration=file)
    for old, new in [("8080", "8081"), ("replica-2:8000", "replica-4:8000"), ("replica-3:8000", "replica-3:80")]:
        file.write_text(text.replace(old, new))
        (tmp_path / old).mkdir()
        with pytest.raises(ValueError, match="the configuration"):
            balancers.write_configuration(changed, tmp_path / old, "127.0.0.1:9000", [("127.0.0.1", 1)] * 3)


@pytest.mark.parametrize("balancer", BALANCERS.values())
def test_a_balancer_without_repeats_lacks_only_the_line_that_repeats(balancer, tmp_path):
    texts = []
    for chosen in (balancer, balancer.without_repeats()):
        folder = tmp_path
        texts.append(balancers.write_configuration(chosen, folder, "127.0.0.1:9000", []).read_text())
    assert texts[0].replace(balancer.repeats, "") == texts[1] != texts[0]
    assert balancer.without_repeats().title == f"{balancer.title} without repeats"


def test_another_process_can_listen_on_a_reserved_address():
    with balancers.reserved_address() as address:
        with socket.create_server(address) as listener:
            socket.create_connection(address).close()
            listener.accept()[0].close()
        assert not {address[1]} & {free_port() for _ in range(100)}
