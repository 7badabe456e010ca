"""An error's methods under their PHP names."""

from __future__ import annotations

import traceback
from typing import Any

__all__ = ["Throwable"]


class Throwable:
    """What code for wechatpay-php calls on an exception; those of Guzzle have an answer where there was one."""

    def getMessage(self) -> str:
        """The message, as PHP names it."""
        return str(self)

    def getCode(self) -> int:
        """The HTTP status of the answer, 0 where there is none."""
        return int(getattr(self.getResponse(), "status_code", 0))

    def hasResponse(self) -> bool:
        """Whether there is an answer."""
        return self.getResponse() is not None

    def getResponse(self) -> Any:
        """The answer, with the methods of PSR-7 in the PHP face, or None."""
        return getattr(self, "response", None)

    def getTraceAsString(self) -> str:
        """The traceback in lines."""
        return "".join(traceback.format_tb(getattr(self, "__traceback__", None)))
