"""A window of Firefox for tests: pages, people's hands, and complaints about what the house rules forbid."""

import json
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import StorageState

from tests.support.bidi import Refusal, Session

# As BiDi calls the keys that write nothing (WebDriver, 17.4.2).
KEYS: Final = {
    "Enter": "\ue007",
    "Tab": "\ue004",
    "Escape": "\ue00c",
    "PageUp": "\ue00e",
    "PageDown": "\ue00f",
    "End": "\ue010",
    "Home": "\ue011",
    "ArrowLeft": "\ue012",
    "ArrowUp": "\ue013",
    "ArrowRight": "\ue014",
    "ArrowDown": "\ue015",
    "Control": "\ue009",
}
PHONE: Final = (390, 844)
DESKTOP: Final = (1280, 900)
_STEP: Final = 16
_ABORTED: Final = "NS_BINDING_ABORTED"
_OURS: Final = ("http://127.0.0.1:", "blob:", "data:", "file:", "about:")

# Looks whenever the document changes, and answers with the first truth that it finds.
_UNTIL: Final = """(argument) => new Promise((done) => {
  const test = %s;
  const observer = new MutationObserver(() => look());
  const look = () => {
    const found = test(argument);
    if (found) {
      observer.disconnect();
      done(found);
    }
  };
  observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
  look();
})"""
_SHOWN: Final = "(selector) => [...document.querySelectorAll(selector)].some((one) => one.checkVisibility())"
_MIDDLE: Final = """(selector) => {
  const shown = [...document.querySelectorAll(selector)].find((one) => one.checkVisibility());
  shown.scrollIntoView({ block: "nearest", behavior: "instant" });
  const { x, y, width, height } = shown.getBoundingClientRect();
  return [Math.round(x + width / 2), Math.round(y + height / 2)];
}"""
_STAGE: Final = """(wanted) => {
  const found = { ...document.querySelector("[data-part=stage]")?.dataset };
  return Object.entries(wanted).every(([name, value]) => found[name] === value) && found;
}"""

Point = tuple[float, float]


class Window:
    """A window that shares no cookies with others."""

    def __init__(self, session: Session, size: tuple[int, int] = DESKTOP) -> None:
        self.complaints: list[str] = []
        self._session = session
        self._loads = 0
        self._person = session.command("browser.createUserContext")["userContext"]
        self._context = session.command("browsingContext.create", type="tab", userContext=self._person)["context"]
        session.listeners.append(self._heard)
        width, height = size
        self._command("browsingContext.setViewport", viewport={"width": width, "height": height})

    def close(self) -> None:
        """End it, and all that it knows."""
        self._session.listeners.remove(self._heard)
        self._session.command("browser.removeUserContext", userContext=self._person)

    def restore(self, state: StorageState) -> None:
        """Take over what a browser of playwright's was signed in with."""
        for cookie in state["cookies"]:
            kept = {
                "name": cookie["name"],
                "value": {"type": "string", "value": cookie["value"]},
                "path": cookie["path"],
            }
            partition = {"type": "storageKey", "userContext": self._person}
            self._session.command("storage.setCookie", cookie={**kept, "domain": cookie["domain"]}, partition=partition)

    def goto(self, url: str) -> None:
        """Open a page, to its load event."""
        self._command("browsingContext.navigate", url=url, wait="complete")

    def sign_in(self, url: str, code: str, birth_date: str) -> None:
        """With what the sheet says, to the page behind it."""
        self.goto(url)
        for field, text in (("#code", code), ("#birth-date", birth_date)):
            self.drag(self.middle(field))
            self.type(text)
        with self.leaving():
            self.press("Enter")

    @contextmanager
    def leaving(self) -> Iterator[None]:
        """What is done in the block leads to another page, which is loaded at its end."""
        before = self._loads
        yield
        self._session.wait(lambda: self._loads > before)

    def evaluate(self, expression: str, argument: Any = None) -> Any:
        """What a function of the page's own realm makes of `argument`; both are JSON."""
        wrapped = f"async (text) => JSON.stringify((await ({expression})(JSON.parse(text))) ?? null)"
        return json.loads(self._call(wrapped, json.dumps(argument), wait=True)["value"])

    def run(self, script: str) -> None:
        """A script of the tests', which no policy of the page's forbids."""
        self._session.command(
            "script.evaluate", expression=script, awaitPromise=False, target={"context": self._context}
        )

    def read(self, expression: str, argument: Any = None) -> Any:
        """The same of a function that waits for nothing; also where scripts are off."""
        answer = self._call(f"(text) => JSON.stringify(({expression})(JSON.parse(text)) ?? null)", json.dumps(argument))
        return json.loads(answer["value"])

    def until(self, test: str, argument: Any = None) -> Any:
        """The first truth that the function `test` of `argument` says as the document changes."""
        try:
            return self.evaluate(_UNTIL % test, argument)
        except TimeoutError:
            where = self.read("() => location.href + document.body.innerText.slice(0, 400)")
            raise AssertionError(f"in vain: {test} {argument} at {where}") from None

    def wait_for(self, **wanted: str) -> dict[str, str]:
        """The stage's data attributes, once they are as wanted."""
        found: dict[str, str] = self.until(_STAGE, wanted)
        return found

    def find(self, selector: str) -> Point:
        """The middle of the first element of the kind that can be seen, once there is one."""
        self.until(_SHOWN, selector)
        return self.middle(selector)

    def middle(self, selector: str) -> Point:
        """The same of one that can be seen now."""
        x, y = self.read(_MIDDLE, selector)
        return x, y

    def click(self, selector: str) -> None:
        """By the left button, in its middle."""
        x, y = self.find(selector)
        self.drag((x, y))

    def drag(self, *path: Point, button: int = 0, times: int = 1) -> None:
        """Press a button of the mouse at the first point and let it go at the last; so many times in a row."""
        self._perform(_stroke("mouse", "mouse", path, button=button, times=times))

    def touch(self, *fingers: tuple[Point, ...], still: float = 0, times: int = 1) -> None:
        """Each finger goes down on its first point, waits there for `still` seconds, and goes on to its last."""
        strokes = (_stroke(f"finger {at}", "touch", path, still=still, times=times) for at, path in enumerate(fingers))
        self._perform(*strokes)

    def wheel(self, at: Point, *distances: int) -> None:
        """One notch after the other, in CSS pixels."""
        x, y = at
        turns = [{"type": "scroll", "x": x, "y": y, "deltaX": 0, "deltaY": distance} for distance in distances]
        self._perform({"type": "wheel", "id": "wheel", "actions": turns})

    def press(self, *keys: str) -> None:
        """Keys by name, one after the other."""
        self.type("".join(KEYS.get(key, key) for key in keys))

    def type(self, text: str) -> None:
        """On the keyboard."""
        strokes = [{"type": kind, "value": character} for character in text for kind in ("keyDown", "keyUp")]
        self._perform({"type": "key", "id": "keyboard", "actions": strokes})

    def choose(self, selector: str, *files: Path) -> None:
        """Files for a field that takes some, as its dialog would hand them over."""
        element = {"sharedId": self._call("(selector) => document.querySelector(selector)", selector)["sharedId"]}
        self._command("input.setFiles", element=element, files=[str(path) for path in files])

    def seen(self) -> NDArray[np.uint8]:
        """What is painted in the window, rows x columns x red, green, blue."""
        answer = self._command("browsingContext.captureScreenshot")
        return np.asarray(Image.open(BytesIO(b64decode(answer["data"]))).convert("RGB"))

    def _call(self, function: str, text: str, *, wait: bool = False) -> dict[str, Any]:
        """What a function in the page's own realm answers to `text`."""
        answer = self._session.command(
            "script.callFunction",
            functionDeclaration=function,
            arguments=[{"type": "string", "value": text}],
            awaitPromise=wait,
            target={"context": self._context},
        )
        if answer["type"] == "exception":
            raise Refusal(answer["exceptionDetails"]["text"])
        result: dict[str, Any] = answer["result"]
        return result

    def _command(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._session.command(method, context=self._context, **parameters)

    def _perform(self, *sources: dict[str, Any]) -> None:
        self._command("input.performActions", actions=list(sources))

    def _heard(self, event: str, told: dict[str, Any]) -> None:
        if self._context not in (told.get("context"), told.get("source", {}).get("context")):
            return
        url = told.get("request", {}).get("url", "")
        if event == "browsingContext.load":
            self._loads += 1
        elif event == "log.entryAdded" and told["level"] == "error":
            # Firefox reports here too what a policy forbids.
            self.complaints.append(f"console: {told['text']}")
        elif event == "network.beforeRequestSent" and not url.startswith(_OURS):
            self.complaints.append(f"request to another origin: {url}")
        elif event == "network.fetchError" and told["errorText"] != _ABORTED:
            # Leaving a page, or an image that is no longer asked for, ends requests under way.
            self.complaints.append(f"{told['errorText']} for {url}")
        elif event == "network.responseCompleted" and (status := told["response"]["status"]) >= 400:
            self.complaints.append(f"{status} for {url}")


def _stroke(
    name: str, kind: str, path: tuple[Point, ...], *, button: int = 0, still: float = 0, times: int = 1
) -> dict[str, Any]:
    """A pointer that goes down, along the path, a point every 16 ms, and up."""
    first, *others = [{"type": "pointerMove", "x": round(x), "y": round(y), "duration": _STEP} for x, y in path]
    actions = [
        first,
        {"type": "pointerDown", "button": button},
        {"type": "pause", "duration": round(still * 1000)},
        *others,
        {"type": "pointerUp", "button": button},
    ]
    return {"type": "pointer", "id": name, "parameters": {"pointerType": kind}, "actions": actions * times}
