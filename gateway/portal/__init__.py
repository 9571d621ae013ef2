"""The patient's pages."""

from gateway.portal.routes import routes

__all__ = ["routes"]
