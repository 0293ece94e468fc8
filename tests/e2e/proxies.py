"""Proxies with their default options, in front of running services: nginx and HAProxy."""

import os
import subprocess
from contextlib import contextmanager

from benchmarks.faults.balancers import reserved_address
from tests.e2e.server import poll_until, request_status

# All paths are in the folder of the test. nginx itself rejects bodies over 1 MB by default, so that limit is off.
NGINX = """
daemon off;
{user}
pid {folder}/pid;
error_log {folder}/log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/client_body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_max_body_size 0;
    upstream digits {{
{servers}
    }}
    server {{
        listen {address};
        location / {{
            proxy_pass http://digits;
        }}
    }}
}}
"""
HAPROXY = """
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend clients
    bind {address}
    default_backend digits
backend digits
{servers}
"""


@contextmanager
def running_nginx(folder, *services):
    """Start an nginx that balances over some services; yield its URL.

    Args:
        folder: Folder for the configuration, the log and temporary files.
        services: The running services.
    """
    user = "user root;" if os.geteuid() == 0 else ""  # otherwise its workers could not write to the folder
    servers = "\n".join(f"        server {address_of(service)};" for service in services)
    with reserved_address() as (host, port):
        config = NGINX.format(folder=folder, user=user, servers=servers, address=(address := f"{host}:{port}"))
        (folder / "nginx.conf").write_text(config)
        with running_proxy(["nginx", "-c", f"{folder}/nginx.conf", "-e", f"{folder}/log"], address) as url:
            yield url


@contextmanager
def running_haproxy(folder, *services):
    """Start a HAProxy that balances over some services; yield its URL.

    Args:
        folder: Folder for the configuration.
        services: The running services.
    """
    servers = "\n".join(f"    server s{place} {address_of(service)}" for place, service in enumerate(services))
    with reserved_address() as (host, port):
        (folder / "haproxy.cfg").write_text(HAPROXY.format(servers=servers, address=(address := f"{host}:{port}")))
        with running_proxy(["haproxy", "-db", "-f", f"{folder}/haproxy.cfg"], address) as url:
            yield url


@contextmanager
def running_proxy(command, address):
    """Start a proxy, wait until it passes on requests, yield its URL, and stop it in the end."""
    with subprocess.Popen(command) as process:
        try:
            poll_until(lambda: request_status("GET", f"http://{address}/livez") == 200)
            yield f"http://{address}"
        finally:
            process.terminate()


def address_of(service):
    """Return the host and port of a service."""
    return service.url.removeprefix("http://")
