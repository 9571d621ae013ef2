"""The web application: portal, DICOMweb, health and metrics under one roof."""

from starlette.applications import Starlette
from starlette.routing import Mount, Router
from starlette.types import ASGIApp, Receive, Scope, Send

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
    services = Router(dicomweb_routes(house.storage, house.gatekeeper.scope_of, base_urls(house.config)))
    dicomweb = CrossOrigin(services, origins=house.config.http.cors_origins)
    pages = Starlette(
        routes=[
            *health.routes(house),
            *metrics.routes(house, meter),
            Mount(path, dicomweb),
            *portal_routes(house),
        ],
        exception_handlers=problems.handlers,
    )
    secured = SecurityHeaders(_Shortcut(path, dicomweb, pages), https=house.config.public_root.startswith("https://"))
    return metrics.Metered(secured, meter=meter)


class _Shortcut:
    """Passes HTTP requests below `path` on to `app` as a Mount of `others` would, but without what all others need.

    DICOMweb lets no exception out and has its own routes; of a frame, the way there took a tenth of the time.
    """

    def __init__(self, path: str, app: ASGIApp, others: ASGIApp) -> None:
        self._path = path
        self._prefix = path + "/"
        self._app = app
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(self._prefix) and not scope.get("root_path"):
            await self._app({**scope, "root_path": self._path, "app_root_path": ""}, receive, send)
        else:
            await self._others(scope, receive, send)
