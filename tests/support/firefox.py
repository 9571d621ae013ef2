"""Debian's Firefox without a screen, driven by WebDriver BiDi: whichever ESR from 140 on is installed."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import IO, Any, Final

import pytest

from tests.support.bidi import Session, session
from tests.support.gateway import stop
from tests.support.patience import PATIENCE

FIREFOX: Final = Path("/usr/bin/firefox-esr")
_PROJECT: Final = Path(__file__).parents[2]
_TOO_OLD: Final = 140
_LISTENS: Final = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
_NOWHERE: Final = {"": "127.0.0.1", "_port": 9}
_PREFERENCES: Final[dict[str, Any]] = {
    # A proxy that is not there: nothing leaves this machine, of pages or of Firefox itself, whose own wishes then fail
    # at once. Addresses of this machine go by no proxy.
    "network.proxy.type": 1,
    **{f"network.proxy.{kind}{part}": value for kind in ("http", "ssl") for part, value in _NOWHERE.items()},
    "intl.accept_languages": "de-DE",
    "dom.w3c_touch_events.enabled": 1,  # fingers, as on a device that has them
    "remote.log.level": "Warn",
}


def for_playwright(folder: Path) -> dict[str, Any]:
    """What playwright's own `firefox.launch` needs to start it, by way of the bridge, whose program is put there."""
    told = subprocess.run([FIREFOX, "--version"], capture_output=True, text=True, check=True).stdout
    if int(told.split()[-1].partition(".")[0]) <= _TOO_OLD:
        pytest.fail(f"{told.strip()} is too old for playwright: our policy forbids what it needs for its questions")
    bridge = folder / "bridge"
    module = "tests.support.firefox_bridge"
    bridge.write_text(f'#!/bin/sh\ncd "{_PROJECT}" && exec "{sys.executable}" -m {module} "$@"\n', encoding="utf-8")
    bridge.chmod(0o700)
    return {"channel": "moz-firefox", "executable_path": bridge, "firefox_user_prefs": _PREFERENCES}


@contextmanager
def running(folder: Path, **preferences: Any) -> Iterator[Session]:
    """A Firefox of a German reader with a new profile in `folder` until the end of the block."""
    profile = folder / "profile"
    profile.mkdir()
    lines = (
        f"user_pref({json.dumps(name)}, {json.dumps(value)});"
        for name, value in {**_PREFERENCES, **preferences}.items()
    )
    (profile / "user.js").write_text("\n".join(lines), encoding="utf-8")
    command = [str(FIREFOX), "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port=0"]
    environment = {**os.environ, "HOME": str(folder), "MOZ_CRASHREPORTER_DISABLE": "1"}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stderr
    address: Queue[str] = Queue()
    listening = Thread(target=_read, args=(process.stderr, address))
    listening.start()
    try:
        with session(address.get(timeout=PATIENCE)) as begun:
            yield begun
    finally:
        stop(process)
        listening.join()
        process.stderr.close()


def _read(lines: IO[str], address: "Queue[str]") -> None:
    """To the end, so that Firefox never waits for a reader of what it has to say."""
    for line in lines:
        if found := _LISTENS.search(line):
            address.put(found[1])
