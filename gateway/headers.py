"""Security headers on every HTTP answer, as pure ASGI middleware (no buffering, so streams stay streams)."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "worker-src 'self'",
        "font-src 'self'",
        "media-src 'self' blob:",
        "frame-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)

# Features that pages of a patient portal never use; a script that got in anyway could not either.
PERMISSIONS_POLICY: Final = ", ".join(
    f"{feature}=()"
    for feature in ("accelerometer", "camera", "geolocation", "gyroscope", "microphone", "midi", "payment", "usb")
)

HEADERS: Final = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    # Not "no-referrer": with it browsers send "Origin: null" with our own forms, and those that know no Fetch Metadata
    # could not sign in. Nothing goes to other origins either way.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": PERMISSIONS_POLICY,
    "x-frame-options": "DENY",
    "cache-control": "no-store",
}

TWO_YEARS: Final = 2 * 365 * 24 * 3600


class SecurityHeaders:
    """Adds the headers above to every answer of `app` that has not set them itself.

    `https` says that browsers reach us over TLS: then HSTS (RFC 6797) is sent too. Answers are not to be kept by
    default, because nearly all of them hold patient data; static files and metadata state their own Cache-Control.
    """

    def __init__(self, app: ASGIApp, *, https: bool = False) -> None:
        self._app = app
        headers = dict(HEADERS)
        if https:
            headers["strict-transport-security"] = f"max-age={TWO_YEARS}"
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = message.setdefault("headers", [])
                set_already = {name for name, _ in own}
                message["headers"] = [*own, *(pair for pair in self._headers if pair[0] not in set_already)]
            await send(message)

        await self._app(scope, receive, with_headers)
