"""The web application: portal, DICOMweb, health and metrics under one roof."""

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from dicomweb import problems
from dicomweb.cors import CrossOrigin
from dicomweb.routes import routes as dicomweb_routes
from gateway import health, metrics
from gateway.desk.routes import routes as desk_routes
from gateway.headers import SecurityHeaders
from gateway.house import House
from gateway.intake.pages import routes as intake_routes
from gateway.pages.static import STATIC_FOLDER, StaticFiles
from gateway.pages.texts import Languages
from gateway.portal.routes import routes as portal_routes
from gateway.public_address import base_urls
from gateway.seats import Place


def application(house: House, place: Place | None = None) -> ASGIApp:
    """The ASGI application for `house`, whose requests are counted together with those of others at its `place`."""
    path = house.config.http.dicomweb_path
    meter = metrics.Meter(path, place or Place())
    static = StaticFiles(STATIC_FOLDER)
    languages = Languages(STATIC_FOLDER / "texts", house.config.site.language)
    dicomweb = Mount(
        path,
        routes=dicomweb_routes(house.storage, house.gatekeeper.scope_of, base_urls(house.config)),
        middleware=[Middleware(CrossOrigin, origins=house.config.cross_origins)],
    )
    pages = Starlette(
        routes=[
            *health.routes(house),
            *metrics.routes(house, meter),
            dicomweb,
            *desk_routes(house, static, languages),
            *intake_routes(house.intake, house.config, static, languages),
            *portal_routes(house, static, languages),
        ],
        exception_handlers=problems.handlers,
    )
    inner = _Shortcut(dicomweb, pages.build_middleware_stack())
    secured = SecurityHeaders(inner, https=house.config.public_root.startswith("https://"))
    pages.middleware_stack = metrics.Metered(secured, meter=meter)
    return pages


class _Shortcut:
    """Passes HTTP requests for `mount` on to it before the stack of the application, in which it is too.

    DICOMweb lets no exception out and has routes of its own; of a frame, the way through the stack to them took a tenth
    of the time.
    """

    def __init__(self, mount: Mount, stack: ASGIApp) -> None:
        self._prefix = mount.path + "/"
        self._mount = mount
        self._stack = stack

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(self._prefix) and not scope.get("root_path"):
            await self._mount.app({**scope, "root_path": self._mount.path, "app_root_path": ""}, receive, send)
        else:
            await self._stack(scope, receive, send)
