"""A certified OpenID provider of others, oidc-provider, which setup/openid-provider/fetch puts beside its script."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest

from tests.house.checkout import ROOT
from tests.support.node import NODE

CLIENT_ID: Final = "durchblick"
CLIENT_SECRET: Final = "a secret of both: 100 % + 1"
_FOLDER: Final = ROOT / "setup" / "openid-provider"


@contextmanager
def running(redirect_uri: str) -> Iterator[str]:
    """Its issuer. Without it tests are skipped, or fail where CI says that nothing may be missing."""
    if not (_FOLDER / "node_modules" / "oidc-provider").is_dir():
        message = "oidc-provider is not there: run setup/openid-provider/fetch"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    command = [str(NODE), str(_FOLDER / "provider.js"), redirect_uri, CLIENT_ID, CLIENT_SECRET]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdin is not None and process.stdout is not None
        yield process.stdout.readline().decode().strip()
        process.stdin.close()
