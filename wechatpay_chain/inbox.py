"""What a client offers for that which WeChat Pay pushes."""

from __future__ import annotations

from typing import Any

from wechatpay_chain.protocol import notice, notification
from wechatpay_chain.protocol.notification import Notification
from wechatpay_chain.protocol.v2 import APIv2
from wechatpay_chain.protocol.v3 import APIv3
from wechatpay_chain.settings import Settings

__all__ = ["Inbox"]


class Inbox:
    """Notifications of both protocols, verified and decrypted."""

    _settings: Settings
    _v3: APIv3
    _v2: APIv2

    def notification(self, headers: Any, body: bytes) -> Notification:
        """What WeChat Pay pushed, verified and decrypted; never None.

        ``headers`` as the web server has them (any mapping or list of pairs), ``body`` the raw bytes. Raises the
        VerificationError that tells why it is not proven, DecryptionError, ConfigError, or TypeError for a body
        that is text or parsed already.
        """
        return notification.read(self._v3, self._settings.merchant, headers, body)

    def notification_v2(self, body: bytes) -> dict[str, Any]:
        """The fields of what APIv2 pushed, verified; of a refund ``mch_id`` and the opened ``req_info`` alone are.

        Raises SignatureMismatch, DecryptionError, BusinessError, ConfigError, or TypeError for a body that is text.
        """
        return notice.read(self._v2, self._settings.merchant, body)
