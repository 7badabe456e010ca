"""What ``--dry-run`` prints, and the merchant that it makes up where none is configured."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from wechatpay_chain.cli.console import Console
from wechatpay_chain.cli.transcript import lines_of
from wechatpay_chain.transport.signed_request import SignedRequest

__all__ = ["made_up_entries", "missing_entries", "show_request"]

_MCHID = "1900000001"
_KEY_ID = "PUB_KEY_ID_MADE_UP"
_SIGN = re.compile(r"(?<=<sign>).*?(?=</sign>)|(?<=[?&]sign=)[^&\s]*")


def missing_entries(entries: Mapping[str, Any], is_v2: bool) -> list[str]:
    """The entries without which a call of this protocol cannot be signed."""
    needed = ("secret",) if is_v2 else ("serial", "private_key")
    has_number = entries.get("mchid") or entries.get("brand_id")
    return ([] if has_number else ["mchid"]) + [name for name in needed if not entries.get(name)]


def made_up_entries(entries: Mapping[str, Any], body: object) -> dict[str, Any]:
    """The missing entries of a client that can sign, with keys that nobody accepts.

    The number is that of the body, since APIv2 refuses to sign another one's.
    """
    key = rsa.generate_private_key(65537, 2048)
    made: dict[str, Any] = {"serial": "0" * 40, "private_key": key, "secret": "0" * 32}
    if not entries.get("mchid") and not entries.get("brand_id"):
        named = body.get("mch_id") if isinstance(body, Mapping) else None
        made["mchid"] = str(named) if str(named).isdigit() else _MCHID
    if not any(entries.get(name) for name in ("certs", "certs_dir", "public_key", "apiv3_key")):
        made["certs"] = {_KEY_ID: rsa.generate_private_key(65537, 2048).public_key()}
    return {name: value for name, value in made.items() if not entries.get(name)}


def show_request(request: SignedRequest, missing: list[str], console: Console) -> None:
    """Print a request that is not sent, the signed text, and the same as a line for a shell.

    Where entries are ``missing`` there is neither a signature nor a line that could be run.
    """
    unsigned = f"(not signed: {', '.join(missing)} not configured)" if missing else ""
    text = "\n".join(line for line in lines_of(request, unsigned) if _KEY_ID not in line)
    console.say(_SIGN.sub(lambda found: unsigned, text) if missing else text)
    if request.body is None:
        console.say()
    if request.message:
        console.say("\n# the signed text" if request.body else "# the signed text")
        console.say(request.message.removesuffix("\n"))
    if missing:
        console.say(f"\n# configure {', '.join(missing)} for a signature and a line for a shell, or add --sandbox")
    else:
        console.say(f"\n# the same for a shell; its signature is good for five minutes\n{request.curl()}")
