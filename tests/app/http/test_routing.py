"""`json_addresses` lists the paths of the JSON endpoints, and rejects routes whose dependencies would not run."""

import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute

from app.http.admission import create_admission_queues
from app.http.error_responses import ErrorResponses
from app.http.json_endpoint import JsonEndpoint, JsonRoute, Reply
from app.http.routing import json_addresses, methods_by_template
from app.settings import Settings


async def answer(_) -> Reply:
    return Reply(b"{}")


async def dependency():
    raise AssertionError


@pytest.fixture
def router():
    """A router with a JSON endpoint under two paths, and with a route of the framework."""
    admission = create_admission_queues(Settings()).batches
    endpoint = JsonEndpoint(answer, check_head=lambda _: None, admission=admission, errors=ErrorResponses({}))
    router = APIRouter(prefix="/a", route_class=JsonRoute)
    router.add_api_route("/b", endpoint, methods=["POST"], response_model=None)
    router.add_api_route("/{name}/c", endpoint, methods=["POST"], response_model=None)
    router.add_api_route("/other", dependency, methods=["GET"], route_class_override=APIRoute)
    return router


def test_paths_of_json_endpoints_are_listed_with_the_valid_values_of_their_parameters(router):
    app = FastAPI()
    app.include_router(router)
    addresses = json_addresses(app, name="digits", version="3")
    assert {path: address.path_params for path, address in addresses.items()} == {
        "/a/b": {},
        "/a/digits/c": {"name": "digits"},
    }
    assert {address.route.path for address in addresses.values()} == {"/a/b", "/a/{name}/c"}


@pytest.mark.parametrize("level", ["application", "inclusion", "router"])
def test_dependencies_of_a_json_endpoint_are_rejected(router, level):
    """A JSON endpoint would not run them, for example a check of an API key."""
    dependencies = {level: [Depends(dependency)]}
    app = FastAPI(dependencies=dependencies.get("application"))
    outer = APIRouter(dependencies=dependencies.get("router"))
    outer.include_router(router, dependencies=dependencies.get("inclusion"))
    app.include_router(outer)
    with pytest.raises(ValueError, match="would not run the dependencies of its route"):
        json_addresses(app, name="digits")


def test_methods_are_listed_by_the_template_of_their_route(router):
    app = FastAPI(openapi_url=None)
    app.include_router(router)
    assert methods_by_template(app) == {"/a/b": {"POST"}, "/a/{name}/c": {"POST"}, "/a/other": {"GET"}}
