"""The OpenAPI document against the service: schemathesis makes requests of it and looks at the answers.

A few for each operation, always the same ones; `make contract [EXAMPLES=n]` makes more, and others each time.
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.applications import Starlette
from starlette.routing import Mount

from dicomweb.description.capabilities import template
from dicomweb.problems import handlers
from dicomweb.resources import RESOURCES
from dicomweb.routes import routes
from storage.scope import WholeArchive
from storage.storage import Storage
from tests.dicomweb.conftest import BASE, Callers, Keep
from tests.support.synthetic import ct
from tests.support.workitems import new_uid, state, workitem

EXAMPLES = int(os.environ.get("CONTRACT_EXAMPLES", "4"))
BY_CHANCE = "CONTRACT_EXAMPLES" in os.environ
CHECKS = (
    *(not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance),
    allow_header_conformance,
)


@schemathesis.serializer("multipart/related", "application/dicom")
def _as_bytes(_: Any, value: Any) -> bytes:
    """Content that schemathesis has no idea of: whatever it makes up, as text."""
    return str(value).encode("utf-8", "replace")


@pytest.fixture
def schema(storage: Storage, callers: Callers) -> Any:
    mount = Mount("/dicom-web", routes=routes(storage, callers.scope_of, lambda _: BASE))
    application = Starlette(routes=[mount], exception_handlers=dict(handlers))
    headers = callers.add("staff", WholeArchive(), "read", "write", "delete")
    return schemathesis.openapi.from_asgi("/dicom-web/openapi.json", application, headers=headers)


@pytest.fixture
def real(keep: Keep, storage: Storage) -> Iterator[dict[str, str]]:
    """Path parameters that lead to something."""
    stored, uid = keep(ct()), new_uid()
    storage.worklist.create(uid, workitem())
    yield {
        "study": stored.study_instance_uid,
        "series": stored.series_instance_uid,
        "instance": stored.sop_instance_uid,
        "frames": "1",
        "path": "7FE00010",
        "workitem": uid,
        "aetitle": "WATCHER",
    }


def operations(schema: Any) -> Iterator[Any]:
    for result in schema.get_all_operations():
        yield result.ok()


def test_every_operation_is_looked_at(schema: Any) -> None:
    schema.validate()
    asked = {(one.method.upper(), one.path) for one in operations(schema)}
    rows = {(one.method, template(resource.path)) for resource in RESOURCES for one in resource.transactions}
    assert asked == rows - {("GET", "/openapi.json")}


def test_answers_are_those_that_the_document_tells_of(schema: Any, real: dict[str, str]) -> None:
    """No 5xx, no status and no media type beyond those documented; refusals as problem details."""
    for operation in operations(schema):
        _try(operation, real)


def _try(operation: Any, real: dict[str, str]) -> None:
    @settings(
        max_examples=EXAMPLES,
        derandomize=not BY_CHANCE,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), there=st.booleans(), whole=st.booleans())
    def ask(case: Any, there: bool, whole: bool) -> None:
        if there:
            case.path_parameters = {name: real.get(name, value) for name, value in case.path_parameters.items()}
        if whole and case.media_type == "application/dicom+json":
            case.body = state("IN PROGRESS", "1.2.3") if case.path.endswith("/state") else workitem()
        case.call_and_validate(headers={"Authorization": "Bearer staff"}, checks=list(CHECKS))

    ask()
