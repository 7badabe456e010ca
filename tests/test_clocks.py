"""Tools that set the clock of a test: everything reads the time when it needs it, however early it was made."""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import freezegun
import pytest
import time_machine

from tests.authority import KEY, certificate
from wechatpay_chain import Sandbox, Wechatpay
from wechatpay_chain.crypto.key_loader import serial_of
from wechatpay_chain.php import Formatter
from wechatpay_chain.protocol.keyring import Keyring
from wechatpay_chain.web import Seen

PACKAGE = Path(__file__).parent.parent / "wechatpay_chain"
LATER = datetime(2031, 5, 6, 7, 8, 9, tzinfo=timezone.utc)
Travel = Callable[[datetime], AbstractContextManager[Any]]


def machine(moment: datetime) -> AbstractContextManager[Any]:
    return time_machine.travel(moment, tick=False)


def frozen(moment: datetime) -> AbstractContextManager[Any]:
    # Its clock has no zone.
    return freezegun.freeze_time(moment.astimezone(timezone.utc).replace(tzinfo=None))


TOOLS = [frozen, machine]
CLOCKS = {"time", "datetime", "date", "sleep", "monotonic", "perf_counter", "now", "today", "utcnow", "time_ns"}

OWNERS = ("time", "datetime", "date")


def captured(tree: ast.AST) -> Iterator[ast.expr]:
    """Values that are made when a module is read: defaults of arguments, and what stands at its top or in a class."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from filter(None, [*node.args.defaults, *node.args.kw_defaults])
        if isinstance(node, ast.Module | ast.ClassDef):
            yield from (each.value for each in node.body if isinstance(each, ast.Assign | ast.AnnAssign) and each.value)


def clocks(value: ast.expr) -> Iterator[str]:
    """The clocks that a value reads or holds; one inside a lambda is looked up when it is called."""
    if isinstance(value, ast.Lambda):
        return
    owner = value.value if isinstance(value, ast.Attribute) else None
    if isinstance(value, ast.Attribute) and value.attr in CLOCKS and isinstance(owner, ast.Name) and owner.id in OWNERS:
        yield ast.unparse(value)
    for child in ast.iter_child_nodes(value):
        if isinstance(child, ast.expr):
            yield from clocks(child)


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_clock_is_held_from_before(path: Path) -> None:
    """No argument's default, class or module holds a clock or its time, and none is imported by its own name."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not [name for value in captured(tree) for name in clocks(value)]
    assert not [
        node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "time" and not node.level
    ]


def test_the_search_for_clocks_finds_them() -> None:
    """So that it can fail."""
    source = (
        "def f(a=time.time, *, b=datetime.now(), c=lambda: time.time()): ...\nclass A:\n    d: X = time.monotonic\n"
    )
    found = {name for value in captured(ast.parse(source)) for name in clocks(value)}
    assert found == {"time.monotonic", "time.time", "datetime.now"}


@pytest.mark.parametrize("travel", TOOLS)
def test_a_client_from_before_signs_and_verifies_by_the_set_clock(
    gateway: Sandbox, wxpay: Wechatpay, travel: Travel
) -> None:
    """As everything that tells the time: a call, what a page takes to pay, and PHP's helper."""
    assert wxpay.v3.certificates.get().verified
    for moment in (LATER, LATER - timedelta(days=3650), LATER + timedelta(days=1)):
        with travel(moment):
            now = str(int(moment.timestamp()))
            assert wxpay.v3.certificates.get().verified
            assert f'timestamp="{now}"' in gateway.requests[-1].headers["Authorization"]
            assert (
                wxpay.pay_params.jsapi("wx8888888888888888", "wx201410272009395522657a690389285100")["timeStamp"] == now
            )
            assert str(Formatter.timestamp()) == now
    assert wxpay.v3.certificates.get().verified


@pytest.mark.parametrize("travel", TOOLS)
def test_a_keyring_from_before_takes_the_key_that_is_valid_then(travel: Travel) -> None:
    """The newest certificate that is valid by the set clock."""
    old, new = certificate(KEY, days=(-10, 30)), certificate(KEY, days=(20, 400))
    keyring = Keyring.of({serial_of(each): each for each in (old, new)})
    now = datetime.now(timezone.utc)
    for days, wanted in ((0, old), (25, new), (200, new), (0, old)):
        with travel(now + timedelta(days=days)):
            found = keyring.newest()
            assert found is not None
            assert found.id == serial_of(wanted)


@pytest.mark.parametrize("travel", TOOLS)
def test_a_store_from_before_forgets_by_the_set_clock(tmp_path: Path, travel: Travel) -> None:
    """A claim lapses after its lease. By itself the store takes a jump of the clock for what it is, and waits."""
    seen = Seen(tmp_path / "seen.db", lease=60, clock=lambda: time.time())
    now = datetime.now(timezone.utc)
    assert seen.claim("EV-1")
    with travel(now + timedelta(seconds=30)):
        assert not seen.claim("EV-1")
    with travel(now + timedelta(seconds=90)):
        assert seen.claim("EV-1")


@pytest.mark.parametrize("travel", TOOLS)
def test_a_notification_is_fresh_by_the_set_clock(gateway: Sandbox, wxpay: Wechatpay, travel: Travel) -> None:
    """One that is made and read then."""
    pusher = gateway.pusher()
    with travel(LATER):
        notice = pusher.notice("TRANSACTION.SUCCESS", None)
        assert wxpay.notification(notice.headers, notice.body).event_type == "TRANSACTION.SUCCESS"


@pytest.mark.parametrize("travel", TOOLS)
def test_a_sandbox_can_be_made_then(travel: Travel) -> None:
    """Its certificates are valid by the set clock."""
    with travel(LATER), Sandbox() as gateway, gateway.client() as wxpay:
        assert wxpay.v3.certificates.get().verified
        assert wxpay.download_certificates()
