"""The web application: portal, DICOMweb, health and metrics under one roof."""

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.types import ASGIApp

from dicomweb import problems
from dicomweb.cors import CrossOrigin
from dicomweb.routes import routes as dicomweb_routes
from gateway import health, metrics
from gateway.desk.routes import routes as desk_routes
from gateway.headers import SecurityHeaders
from gateway.house import House
from gateway.pages.static import STATIC_FOLDER, StaticFiles
from gateway.pages.texts import Languages
from gateway.portal.routes import routes as portal_routes
from gateway.public_address import base_urls


def application(house: House) -> ASGIApp:
    """The ASGI application for `house`."""
    path = house.config.http.dicomweb_path
    meter = metrics.Meter(path)
    static = StaticFiles(STATIC_FOLDER)
    languages = Languages(STATIC_FOLDER / "texts", house.config.site.language)
    return Starlette(
        routes=[
            *health.routes(house),
            *metrics.routes(house, meter),
            Mount(
                path,
                routes=dicomweb_routes(house.storage, house.gatekeeper.scope_of, base_urls(house.config)),
                middleware=[Middleware(CrossOrigin, origins=house.config.http.cors_origins)],
            ),
            *desk_routes(house, static, languages),
            *portal_routes(house, static, languages),
        ],
        middleware=[
            Middleware(metrics.Metered, meter=meter),
            Middleware(SecurityHeaders, https=house.config.public_root.startswith("https://")),
        ],
        exception_handlers=problems.handlers,
    )
