"""What a client needs in order to trust the sandbox's TLS: a file of authorities, and sessions that read it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

import requests

from wechatpay_chain.sandbox.certificate import Authority

__all__ = ["Trust"]


class Trust:
    """Authorities as a file, and sessions that trust nothing else; both end with ``close()``."""

    def __init__(self, authorities: Iterable[Authority]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="wechatpay-sandbox-")
        self._sessions: list[requests.Session] = []
        self.file = Path(self._folder.name, "ca.pem")
        self.file.write_text("".join(each.pem for each in authorities), encoding="ascii")

    def session(self) -> requests.Session:
        """A new session for a client; it reads no environment, whose bundles know other authorities."""
        made = requests.Session()
        made.verify, made.trust_env = str(self.file), False
        self._sessions.append(made)
        return made

    def close(self) -> None:
        """Close the sessions, and take the file away."""
        for session in self._sessions:
            session.close()
        self._folder.cleanup()
