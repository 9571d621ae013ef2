"""Forms that staff send, read at once and held to a size."""

from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from gateway.desk.door import LARGEST_FORM


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of an urlencoded body, each with its values in their order."""

    fields: dict[str, tuple[str, ...]] = field(repr=False)

    def one(self, name: str) -> str:
        """The first value of a field, without spaces around it; "" when there is none."""
        return self.fields.get(name, ("",))[0].strip()

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a field."""
        return self.fields.get(name, ())


def read(body: bytes) -> Form:
    """The form that a body is."""
    fields: dict[str, tuple[str, ...]] = {}
    for name, value in parse_qsl(body.decode("utf-8", "replace"), max_num_fields=2000):
        fields[name] = (*fields.get(name, ()), value)
    return Form(fields)


def with_body(wrap: Callable[[Request], Response]) -> Callable[[Request], object]:
    """`wrap`, run in a thread once the body has been read; nothing is left of one larger than any honest one."""

    async def reading(request: Request) -> Response:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST_FORM:
                body.clear()
                break
        request.state.body = bytes(body)
        return await run_in_threadpool(wrap, request)

    return reading


def body_of(request: Request) -> bytes:
    """What `with_body` has read."""
    body: bytes = request.state.body
    return body


def form_of(request: Request) -> Form:
    """What `with_body` has read, as a form."""
    return read(body_of(request))
