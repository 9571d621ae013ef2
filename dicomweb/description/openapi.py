"""The OpenAPI 3.1 document, generated from the table of resources."""

import re
from collections.abc import Iterable
from typing import Any, Final

from dicomweb.description.capabilities import identifier, template
from dicomweb.transactions import Parameter, Resource, Transaction

_PROBLEM_CONTENT: Final = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_PROBLEM: Final = {"$ref": "#/components/responses/Problem"}
_REFUSALS: Final = (400, 401, 403, 404, 406, 500, 503)
_REFUSALS_OF_CONTENT: Final = (409, 413, 415, 507)
_UID: Final = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)*$", "maxLength": 128}
_PATH_SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    "frames": {"type": "string", "pattern": "^[1-9][0-9]{0,8}(,[1-9][0-9]{0,8})*$"},
    "path": {"type": "string", "minLength": 1},
    "aetitle": {"type": "string", "minLength": 1, "maxLength": 16},
}
_COMPONENTS: Final = {
    "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "description": "`durchblick token create`"}},
    "responses": {
        "Problem": {
            "description": "A refusal that says what would have worked (RFC 9457)",
            "content": _PROBLEM_CONTENT,
        }
    },
    "schemas": {
        "Problem": {
            "type": "object",
            "required": ["title", "status"],
            "properties": {
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string"},
                "dicomStatus": {"type": "string", "pattern": "^[0-9A-F]{4}H$"},
                "acceptable": {"type": "array", "items": {"type": "string"}},
            },
        }
    },
}


def document(base_url: str, resources: Iterable[Resource], version: str) -> dict[str, Any]:
    """The document for a service at `base_url`; `version` is that of the program."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Durchblick: DICOMweb (PS3.18)", "version": version},
        "servers": [{"url": base_url}],
        "security": [{"bearer": []}],
        "paths": {template(resource.path): _path(resource) for resource in resources},
        "components": _COMPONENTS,
    }


def _path(resource: Resource) -> dict[str, Any]:
    names = re.findall(r"{([a-z]+)}", template(resource.path))
    operations = {one.method.lower(): _operation(resource, one) for one in resource.transactions}
    if not names:
        return operations
    return {"parameters": [_path_parameter(name) for name in names], **operations}


def _path_parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": _PATH_SCHEMAS.get(name, _UID)}


def _operation(resource: Resource, transaction: Transaction) -> dict[str, Any]:
    right = f"the right to {transaction.right}" if transaction.right else "any right"
    operation: dict[str, Any] = {
        "operationId": identifier(resource, transaction),
        "summary": f"{transaction.name}: {resource.name}",
        "description": f"{transaction.cited}. Needs {right}.",
        "parameters": [_query_parameter(parameter) for parameter in transaction.parameters],
        "responses": _responses(transaction),
    }
    if transaction.takes:
        operation["requestBody"] = {"required": True, "content": _content(transaction.takes)}
    return operation


def _query_parameter(parameter: Parameter) -> dict[str, Any]:
    found = {"name": parameter.name, "in": "query", "description": parameter.meaning, "schema": parameter.schema}
    return found | ({"style": "form", "explode": True} if parameter.schema.get("type") == "object" else {})


def _responses(transaction: Transaction) -> dict[str, Any]:
    refusals = (*_REFUSALS, *transaction.refusals, *(_REFUSALS_OF_CONTENT if transaction.takes else ()))
    responses: dict[str, Any] = {str(status): _PROBLEM for status in sorted(refusals)}
    for status in transaction.statuses:
        answer: dict[str, Any] = {"description": "As asked" if status != 304 else "What the client has is still right"}
        if transaction.offers and status != 304:
            answer["content"] = _content(transaction.offers)
            if status in refusals:
                answer["content"] |= _PROBLEM_CONTENT
        responses[str(status)] = answer
    return responses


def _content(media_types: Iterable[str]) -> dict[str, Any]:
    """Media types without their parameters, which OpenAPI has no place for: each of them once."""
    return {media_type.partition(";")[0]: {} for media_type in media_types}
