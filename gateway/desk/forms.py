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


async def read(request: Request) -> Form:
    """The form; an empty one when it is larger than any honest form."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_FORM:
            return Form({})
    fields: dict[str, tuple[str, ...]] = {}
    for name, value in parse_qsl(body.decode("utf-8", "replace"), max_num_fields=2000):
        fields[name] = (*fields.get(name, ()), value)
    return Form(fields)


def with_form(wrap: Callable[[Request], Response]) -> Callable[[Request], object]:
    """`wrap`, run in a thread once the body has been read; endpoints find it by `form_of`."""

    async def reading(request: Request) -> Response:
        request.state.form = await read(request)
        return await run_in_threadpool(wrap, request)

    return reading


def form_of(request: Request) -> Form:
    """What `with_form` has read."""
    form: Form = request.state.form
    return form
