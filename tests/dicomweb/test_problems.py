"""Every refusal as problem details (RFC 9457), without a word about patients."""

import logging
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from dicomweb.problems import (
    BadRequest,
    Busy,
    MethodNotAllowed,
    NoSuchResource,
    NotAcceptable,
    UnsupportedMediaType,
    answer,
    handlers,
)
from storage import errors
from storage.errors import Refusal


def body(response: Response) -> Any:
    import json

    assert response.media_type == "application/problem+json"
    return json.loads(bytes(response.body))


@pytest.mark.parametrize(
    "kind", [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Refusal)]
)
def test_each_refusal_of_the_store(kind: type[Refusal]) -> None:
    response = answer(kind("One sentence."))
    assert response.status_code == kind.http_status
    assert body(response) == {
        "title": kind.title,
        "status": kind.http_status,
        "detail": "One sentence.",
        "dicomStatus": f"{kind.dicom_status:04X}H",
    }
    assert response.headers["cache-control"] == "private, no-store"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert ("www-authenticate" in response.headers) is (kind is errors.NotAuthenticated)


def test_what_would_have_worked_is_named() -> None:
    assert body(answer(NotAcceptable(["image/png"])))["acceptable"] == ["image/png"]
    assert body(answer(UnsupportedMediaType(["application/dicom"])))["acceptable"] == ["application/dicom"]
    assert answer(MethodNotAllowed(["GET", "HEAD"])).headers["allow"] == "GET, HEAD"
    assert answer(Busy("Wait.")).headers["retry-after"] == "1"
    assert answer(BadRequest("No.")).status_code == 400


def test_no_dicom_status_where_dicom_has_none() -> None:
    assert body(answer(NoSuchResource("Nothing."))) == {
        "title": "No such resource",
        "status": 404,
        "detail": "Nothing.",
    }


def test_http_exceptions_keep_status_and_header_fields() -> None:
    response = answer(HTTPException(429, headers={"Retry-After": "3"}))
    assert (response.status_code, response.headers["retry-after"]) == (429, "3")
    assert body(response) == {"title": "Too Many Requests", "status": 429}


def test_the_unexpected_has_an_id_and_no_words(caplog: pytest.LogCaptureFixture) -> None:
    def deep() -> None:
        raise ValueError("Muster^Erika 19500131")

    with caplog.at_level(logging.ERROR, "durchblick.dicomweb"):
        try:
            deep()
        except ValueError as error:
            response = answer(error)
    assert response.status_code == 500
    identifier = body(response)["detail"].rstrip(".").split()[-1]
    assert f"id={identifier} type=ValueError at=deep:" in caplog.text
    assert "Muster" not in caplog.text and b"Muster" not in bytes(response.body)


def test_the_handlers_fit_an_application() -> None:
    def refuse(_: Request) -> Response:
        raise errors.NotAuthorised("Not yours.")

    application = Starlette(routes=[Route("/x", refuse)], exception_handlers=dict(handlers))
    client = TestClient(application)
    assert client.get("/x").json()["title"] == "Not authorised"
    assert client.get("/y").headers["content-type"] == "application/problem+json"
    assert client.post("/x").headers["allow"] == "GET, HEAD" or client.post("/x").headers["allow"] == "HEAD, GET"
