"""The API's document says what routes there are, and each of them is guarded."""

import re
from typing import Any, cast

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from openapi_spec_validator.validation.exceptions import OpenAPIValidationError
from prometheus_client import CollectorRegistry

from p2pnode.api.http.access import Access
from p2pnode.api.http.application import create_application
from p2pnode.api.http.openapi import document
from p2pnode.api.http.pages import PAGES
from p2pnode.api.http.service import Service

TOKEN = "a-token-of-some-length"
NOTHING = cast(Any, None)
"""No route that is refused looks at the node."""


@pytest.fixture
def application() -> Any:
    metrics = cast(Any, type("Metrics", (), {"registry": CollectorRegistry()})())
    return create_application(Service(NOTHING, NOTHING), Access((TOKEN,)), metrics)


def routes(application: Any) -> set[tuple[str, str]]:
    return {
        (re.sub(r"<(?:path:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in application.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }


def test_the_document_names_every_route_of_the_api_and_no_other(application: Any) -> None:
    served = {
        (path, method)
        for path, method in routes(application)
        if path.startswith("/v2") or path in ("/metrics", "/openapi.json")
    }
    described = {(path, method) for path, methods in document()["paths"].items() for method in methods}
    assert served == described


def test_the_document_keeps_to_openapi() -> None:
    OpenAPIV31SpecValidator(document()).validate()
    wrong = document()
    wrong["paths"]["/v2/tasks"]["get"]["responses"]["200"].pop("description")
    with pytest.raises(OpenAPIValidationError):
        OpenAPIV31SpecValidator(wrong).validate()


def test_the_document_is_whole() -> None:
    found = document()
    schemas = found["components"]["schemas"]
    references = re.findall(r"'\$ref': '#/components/schemas/(\w+)'", str(found))
    assert set(references) == set(schemas) - {"Tensor"} | {"Tensor"}
    for path, methods in found["paths"].items():
        for operation in methods.values():
            assert operation["summary"].endswith(".")
            in_path = [where["name"] for where in operation.get("parameters", []) if where["in"] == "path"]
            assert in_path == re.findall(r"{(\w+)}", path)


async def test_no_route_answers_without_a_token(application: Any) -> None:
    free = {("/v2/health/live", "get"), ("/v2/health/ready", "get"), ("/login", "get"), ("/login", "post")}
    client = application.test_client()
    for path, method in sorted(routes(application) - free):
        if path.startswith("/static"):
            continue
        response = await getattr(client, method)(path.replace("{name}", "x"))
        assert response.status_code == 401, path


async def test_a_person_is_shown_the_way_in_and_another_sites_page_is_not(application: Any) -> None:
    client = application.test_client()
    for path, _ in PAGES:
        shown = await client.get(path, headers={"Accept": "text/html,*/*"})
        assert (shown.status_code, shown.headers["Location"]) == (303, "/login")
    headers = {"Cookie": f"p2pnode_token={TOKEN}", "Origin": "https://evil.example"}
    spent = await client.post("/v2/models/x/infer", data=b"{}", headers=headers)
    assert spent.status_code == 403


async def test_a_browser_is_told_to_load_nothing_from_elsewhere(application: Any) -> None:
    page = await application.test_client().get("/static/style.css")
    assert page.status_code == 200
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


async def test_a_bad_request_is_json_with_the_reason(application: Any) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    client = application.test_client()
    wrong = await client.post("/v2/models/x/infer", data=b"{", headers=headers)
    assert (wrong.status_code, (await wrong.get_json())["kind"]) == (400, "InferenceError")
    packed = await client.post(
        "/v2/models/x/infer", data=b"{}", headers={**headers, "Content-Encoding": "gzip"}
    )
    assert "compressed" in (await packed.get_json())["error"]
    missing = await client.get("/v2/nothing", headers=headers)
    assert missing.status_code == 404
    assert (await missing.get_json())["error"]
