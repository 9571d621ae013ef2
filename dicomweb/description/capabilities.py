"""The Capabilities Description (PS3.18 annex H): the table of resources as WADL, and the same tree as JSON."""

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable
from typing import Any, Final

import orjson

from dicomweb.transactions import Parameter, Resource, Transaction

WADL: Final = "application/vnd.sun.wadl+xml"
JSON: Final = "application/json"

_NAMESPACE: Final = "http://wadl.dev.java.net/2009/02"
_CONVERTER: Final = re.compile(r":[a-z]+}")


def wadl(base_url: str, resources: Iterable[Resource]) -> bytes:
    """The description as a WADL document; `base_url` has no slash at its end."""
    root = _application(base_url, resources)
    root.set("xmlns", _NAMESPACE)
    ElementTree.indent(root)
    document: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def as_json(base_url: str, resources: Iterable[Resource]) -> bytes:
    """The same elements as JSON: attributes are strings, children arrays under their name."""
    return orjson.dumps({"application": _members(_application(base_url, resources))})


def template(path: str) -> str:
    """A path of the table as a URI template (RFC 6570)."""
    return _CONVERTER.sub("}", path)


def identifier(resource: Resource, transaction: Transaction) -> str:
    """A name for one row that no other has: "RetrieveSeriesMetadata"."""
    words = re.findall(r"[A-Za-z0-9]+", f"{transaction.name} {resource.name}".replace("'s", ""))
    return "".join(word[0].upper() + word[1:] for word in words)


def _application(base_url: str, resources: Iterable[Resource]) -> ElementTree.Element:
    root = ElementTree.Element("application")
    top = ElementTree.SubElement(root, "resources", base=base_url)
    for resource in resources:
        node = _node(top, template(resource.path))
        for transaction in resource.transactions:
            _add_method(node, resource, transaction)
    return root


def _node(top: ElementTree.Element, path: str) -> ElementTree.Element:
    """The element of `path`, below those of its parents, each made when it is not there yet."""
    node = top
    for segment in path.strip("/").split("/"):
        found = next((child for child in node.findall("resource") if child.get("path") == (segment or "/")), None)
        node = ElementTree.SubElement(node, "resource", path=segment or "/") if found is None else found
    return node


def _add_method(node: ElementTree.Element, resource: Resource, transaction: Transaction) -> None:
    name, title = identifier(resource, transaction), transaction.cited
    method = ElementTree.SubElement(node, "method", name=transaction.method, id=name, title=title)
    request = ElementTree.SubElement(method, "request")
    for parameter in transaction.parameters:
        request.append(_parameter(parameter))
    if transaction.offers:
        accept = ElementTree.SubElement(request, "param", name="Accept", style="header", default=transaction.offers[0])
        for offer in transaction.offers:
            ElementTree.SubElement(accept, "option", value=offer)
    for taken in transaction.takes:
        ElementTree.SubElement(request, "representation", mediaType=taken)
    for status in transaction.statuses:
        response = ElementTree.SubElement(method, "response", status=str(status))
        for offer in transaction.offers if status != 304 else ():
            ElementTree.SubElement(response, "representation", mediaType=offer)


def _parameter(parameter: Parameter) -> ElementTree.Element:
    element = ElementTree.Element("param", name=parameter.name, style="query")
    for value in parameter.schema.get("enum", ()):
        ElementTree.SubElement(element, "option", value=value)
    return element


def _members(element: ElementTree.Element) -> dict[str, Any]:
    members: dict[str, Any] = dict(element.attrib)
    for child in element:
        members.setdefault(child.tag, []).append(_members(child))
    return members
