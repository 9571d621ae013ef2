"""The refusals of `auth`. None of them holds a secret, and the first one does not say what was wrong."""

from typing import Literal

from storage.errors import CannotUnderstand, NoSuchInstance, NotAuthenticated, Refusal


class Denied(NotAuthenticated):
    """The code or token, the birth date, or the state of the share did not allow it; it is never told which.

    `retry_after` is in seconds: 0 when the next attempt may follow at once.
    """

    def __init__(self, retry_after: int = 0) -> None:
        super().__init__("The access code and the birth date do not open a share.")
        self.retry_after = retry_after


class NoSuchShare(NoSuchInstance):
    """No share has this id."""

    title = "No such share"


class NoSuchToken(NoSuchInstance):
    """No bearer token has this name, or it was revoked already."""

    title = "No such token"


class NoSuchTicket(NoSuchInstance):
    """A viewer's ticket was never made, is past its end, was used already, or its share has ended."""

    title = "No such ticket"


class NoSuchRequest(NoSuchInstance):
    """No patient's request has this id."""

    title = "No such request"


class NoSuchStaff(NoSuchInstance):
    """No account has this name."""

    title = "No such account"


class SignInRefused(NotAuthenticated):
    """Name, password, code, passkey or the state of the account did not allow it; it is never told which.

    `retry_after` is in seconds: 0 when the next attempt may follow at once.
    """

    def __init__(self, retry_after: int = 0) -> None:
        super().__init__("This does not open the desk.")
        self.retry_after = retry_after


class OpenIdRefused(SignInRefused):
    """The sign-in at the OpenID provider led to nothing.

    `reason` may be told, since it is about the visitor's own sign-in there: "away" (the provider cannot be asked),
    "cancelled" (the visitor or the provider did not want to), "no_account" (none here for whoever signed in there), or
    "failed", which says no more.
    """

    def __init__(self, reason: Literal["away", "cancelled", "no_account", "failed"]) -> None:
        super().__init__()
        self.reason = reason


class UnusablePassword(ValueError):
    """No password for the account, by `reason`: its "length", a "name" in it, "common", or the "same" as the last."""

    def __init__(self, reason: Literal["length", "name", "common", "same"], sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class OwnAccount(Refusal):
    """An administrator's own account, which another one has to change: so there is always one left."""

    http_status = 409
    title = "One's own account"


class ShareEnded(Refusal):
    """The share has been revoked or is past its end, and what was asked for needs one that is not."""

    http_status = 409
    title = "Share has ended"


class ShareStillLives(Refusal):
    """What was asked for is for shares that have ended."""

    http_status = 409
    title = "Share still lives"


class TooManyShares(Refusal):
    """As many shares live as one may hand on."""

    http_status = 409
    title = "Too many shares"


class UnusablePepper(Refusal):
    """The file with the pepper cannot be read or is not one."""

    title = "Unusable pepper"


class MalformedCode(CannotUnderstand):
    """A text that cannot be an access code, whichever codes exist.

    `reason` is "too short", "too long", "character" or "typo"; `characters` is how many were counted, and
    `character` is the one that no code has (empty for the other reasons).
    """

    title = "Malformed access code"

    def __init__(self, reason: str, detail: str, *, characters: int = 0, character: str = "") -> None:
        super().__init__(detail)
        self.reason = reason
        self.characters = characters
        self.character = character
