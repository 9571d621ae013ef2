"""The web application: portal, DICOMweb, health and metrics under one roof."""

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.types import ASGIApp

from dicomweb import problems
from dicomweb.cors import CrossOrigin
from dicomweb.routes import routes as dicomweb_routes
from gateway import health, metrics
from gateway.headers import SecurityHeaders
from gateway.house import House
from gateway.portal.routes import routes as portal_routes
from gateway.public_address import base_urls
from gateway.seats import Place


def application(house: House, place: Place | None = None) -> ASGIApp:
    """The ASGI application for `house`, whose requests are counted together with those of others at its `place`."""
    path = house.config.http.dicomweb_path
    meter = metrics.Meter(path, place or Place())
    return Starlette(
        routes=[
            *health.routes(house),
            *metrics.routes(house, meter),
            Mount(
                path,
                routes=dicomweb_routes(house.storage, house.gatekeeper.scope_of, base_urls(house.config)),
                middleware=[Middleware(CrossOrigin, origins=house.config.http.cors_origins)],
            ),
            *portal_routes(house),
        ],
        middleware=[
            Middleware(metrics.Metered, meter=meter),
            Middleware(SecurityHeaders, https=house.config.public_root.startswith("https://")),
        ],
        exception_handlers=problems.handlers,
    )
