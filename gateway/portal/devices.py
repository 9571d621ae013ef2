"""What a visitor holds, in one word: enough to know one's own phone again, too little to tell people apart."""

from starlette.requests import HTTPConnection


def device_of(connection: HTTPConnection) -> str:
    """ "phone", "tablet" or "computer", as the browser says; empty where it says nothing of the kind."""
    agent = connection.headers.get("user-agent", "").lower()
    if "ipad" in agent or "tablet" in agent or ("android" in agent and "mobile" not in agent):
        return "tablet"
    if "iphone" in agent or "mobile" in agent:
        return "phone"
    return "computer" if any(system in agent for system in ("windows", "macintosh", "linux", "cros")) else ""
