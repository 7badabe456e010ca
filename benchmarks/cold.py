"""From nothing to the first answer: processes that begin, import, call once and end, in turn."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.arena import ROOT, Cost
from benchmarks.gateway import in_another_process
from benchmarks.table import Table

__all__ = ["PROGRAMS", "prepared", "run", "tables"]

# More would only be the same again: each is a whole process.
_MOST = 20
PROGRAMS = {
    "python": "pass",
    "import wechatpay_chain": "import wechatpay_chain",
    "import requests, cryptography": """
import requests, cryptography
""",
    "by hand": """
import base64, json, secrets, sys, time
import requests
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

entries = json.load(open(sys.argv[1]))
key_id = next(name for name in entries["certs"])
private = load_pem_private_key(entries["private_key"].encode(), None)
public = load_pem_public_key(entries["certs"][key_id].encode())
path, body = "/v3/marketing/partner/product-coupon/notify-configs", json.dumps({"notify_url": "https://a.example"})
now, nonce = str(int(time.time())), secrets.token_hex(16)
text = f"POST\\n{path}\\n{now}\\n{nonce}\\n{body}\\n".encode()
signature = base64.b64encode(private.sign(text, PKCS1v15(), SHA256())).decode()
answer = requests.Session().post(entries["base_url"] + path, data=body, timeout=(5, 30), headers={
    "Accept": "application/json", "Content-Type": "application/json", "Wechatpay-Serial": key_id,
    "Authorization": f'WECHATPAY2-SHA256-RSA2048 mchid="{entries["mchid"]}",nonce_str="{nonce}",timestamp="{now}",'
                     f'serial_no="{entries["serial"]}",signature="{signature}"'})
answer.raise_for_status()
signed = answer.headers
text = f"{signed['Wechatpay-Timestamp']}\\n{signed['Wechatpay-Nonce']}\\n".encode() + answer.content + b"\\n"
public.verify(base64.b64decode(signed["Wechatpay-Signature"]), text, PKCS1v15(), SHA256())
assert answer.json()["notify_url"]
""",
    "wechatpay_chain": """
import json, sys
from wechatpay_chain import Wechatpay

wxpay = Wechatpay(json.load(open(sys.argv[1])))
answer = wxpay.v3.marketing.partner.productCoupon.notifyConfigs.post({"notify_url": "https://a.example"})
assert answer.data["notify_url"]
""",
}
_SHOWN = {
    "python": "Python alone",
    "import wechatpay_chain": "`import wechatpay_chain`",
    "import requests, cryptography": "`import requests, cryptography`",
    "by hand": "those two, and one call by hand with them",
    "wechatpay_chain": "one call with wechatpay_chain",
}


def tables(rounds: int) -> Iterator[Table]:
    """One table."""
    taken: dict[str, list[Cost]] = {name: [] for name in PROGRAMS}
    with prepared() as told:
        for number in range(min(rounds, _MOST) + 1):
            for name, program in PROGRAMS.items():
                cost = run(program, told)
                if number:
                    taken[name].append(cost)
    costs = {name: Cost(*map(statistics.median, zip(*each, strict=True))) for name, each in taken.items()}
    yield Table("cold", ["a process that ends", "processor", "above Python alone", "of by hand"], list(_rows(costs)))


@contextmanager
def prepared() -> Iterator[Path]:
    """A gateway, and the file with the configuration that the programs read: the public key alone."""
    with in_another_process() as entries, tempfile.TemporaryDirectory() as folder:
        told = Path(folder, "told.json")
        public = {name: key for name, key in entries["certs"].items() if name.startswith("PUB_KEY_ID_")}
        told.write_text(json.dumps({**entries, "certs": public}))
        yield told


def _rows(costs: dict[str, Cost]) -> Iterator[list[str]]:
    for name, cost in costs.items():
        above = (cost.processor - costs["python"].processor) * 1e3
        ratio = cost.processor / costs["by hand"].processor
        yield [_SHOWN[name], f"{cost.processor * 1e3:.0f} ms", f"{above:.1f} ms", f"{ratio:.2f}"]


def run(program: str, told: Path, tree: Path = ROOT) -> Cost:
    """What one process costs, its end included, with the package as it is in ``tree``."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", program, str(told)], cwd=tree, env=environment(tree, told.parent))
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if status:
        raise RuntimeError(f"a process ended with {process.returncode}; its error is above")
    return Cost(used.ru_utime + used.ru_stime, time.perf_counter() - started)


def environment(tree: Path, compiled: Path) -> dict[str, str]:
    """Ours without proxies, with the package in ``tree``, and with compiled modules kept in the folder ``compiled``."""
    left = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    left.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**left, "PYTHONPATH": str(tree), "PYTHONPYCACHEPREFIX": str(compiled)}
