"""What a client offers for that which WeChat Pay pushes."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from wechatpay_chain.protocol.v3 import APIv3
from wechatpay_chain.settings import Settings

if TYPE_CHECKING:
    from wechatpay_chain.protocol.notification import Notification
    from wechatpay_chain.protocol.v2 import APIv2

__all__ = ["Inbox"]


class Inbox:
    """Notifications of both protocols, verified and decrypted."""

    _settings: Settings
    _v3: APIv3

    @cached_property
    def _v2(self) -> APIv2:
        # Most merchants never call it, and XML is a tenth of a cold start.
        from wechatpay_chain.protocol.v2 import APIv2

        merchant = self._settings.merchant
        return APIv2(merchant.mchid, merchant.secret)

    def notification(self, headers: Any, body: bytes) -> Notification:
        """What WeChat Pay pushed, verified and decrypted; never None.

        ``headers`` as the web server has them (any mapping or list of pairs), ``body`` the raw bytes. Raises the
        VerificationError that tells why it is not proven, DecryptionError, ConfigError, or TypeError for a body
        that is text or parsed already.
        """
        from wechatpay_chain.protocol import notification

        return notification.read(self._v3, self._settings.merchant, headers, body)

    def notification_v2(self, body: bytes) -> dict[str, Any]:
        """The fields of what APIv2 pushed, verified; of a refund ``mch_id`` and the opened ``req_info`` alone are.

        Raises SignatureMismatch, DecryptionError, BusinessError, ConfigError, or TypeError for a body that is text.
        """
        from wechatpay_chain.protocol import notice

        return notice.read(self._v2, self._settings.merchant, body)
