"""The console in a real Chromium: what a tester sees, clicks, types and hears of a sandbox that a client uses.

Debian's ``chromium`` and ``chromium-driver``; ``npm install`` in tests/sandbox/axe brings axe-core. Screenshots are
kept in a folder that git ignores.
"""

from __future__ import annotations

import io
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import zxingcpp
from PIL import Image
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.listener import listening
from tests.sandbox import shop
from tests.sandbox.browser import Browser, browsing
from tests.sandbox.by_hand import NATIVE, authorization, send
from wechatpay_chain import Sandbox, Wechatpay, errors

AXE = Path(__file__).parent / "axe/node_modules/axe-core/axe.min.js"
SECTIONS = ("requests", "orders", "refunds", "transfers", "notices", "faults", "settings")
MANY = 1000

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def browser(chromium: Browser, gateway: Sandbox) -> Iterator[Browser]:
    """The page in Chinese, light and wide, with nothing remembered; nothing was blocked or raised at the end."""
    chromium.resize(1280, 900)
    chromium.prefer("light")
    chromium.open(f"{gateway.base_url}/_/")
    chromium.script("localStorage.clear(); sessionStorage.clear()")
    chromium.complaints()
    chromium.open(f"{gateway.base_url}/_/")
    yield chromium
    assert chromium.complaints() == []
    chromium.driver.get("about:blank")


def visit(browser: Browser, gateway: Sandbox, section: str) -> None:
    browser.open(f"{gateway.base_url}/_/#{section}")
    browser.says("#time", "20")
    browser.wait(lambda: browser.all("#rows > *"))


def place(gateway: Sandbox, wxpay: Wechatpay, **changes: Any) -> str:
    body = shop.order(gateway, **changes)
    wxpay.v3.pay.transactions.native.post(body)
    return str(body["out_trade_no"])


def send_wrong(gateway: Sandbox) -> None:
    """An order whose body was changed after it was signed: an amount of 300 is sent, 3000 was signed."""
    sent = json.dumps({**shop.order(gateway), "amount": {"total": 300, "currency": "CNY"}}, ensure_ascii=False).encode()
    signed = json.dumps(json.loads(sent), ensure_ascii=True, separators=(",", ":")).encode()
    value = authorization(
        gateway,
        "POST",
        NATIVE,
        text=lambda method, target, timestamp, nonce, body: (
            f"{method}\n{target}\n{timestamp}\n{nonce}\n".encode() + signed + b"\n"
        ),
    )
    head = f"POST {NATIVE} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {value}\r\nContent-Type: application/json\r\n"
    answer = send(gateway, f"{head}Content-Length: {len(sent)}\r\n\r\n".encode() + sent)
    assert answer.status == 401


def transfer(gateway: Sandbox, wxpay: Wechatpay) -> str:
    number = shop.number("T")
    wxpay.v3.fundApp.mchTransfer.transferBills.post(
        {
            "appid": shop.APPID,
            "out_bill_no": number,
            "transfer_scene_id": "1000",
            "openid": "oPayer",
            "transfer_amount": 50,
            "transfer_remark": "茶",
            "transfer_scene_report_infos": [
                {"info_type": "活动名称", "info_content": "茶"},
                {"info_type": "奖励说明", "info_content": "茶"},
            ],
        }
    )
    return number


def furnish(gateway: Sandbox, wxpay: Wechatpay) -> str:
    """One of everything; the number of the order that waits."""
    for _ in range(2):
        number = place(gateway, wxpay)
        gateway.pay(number)
        wxpay.v3.refund.domestic.refunds.post(shop.refund(number, 30))
    transfer(gateway, wxpay)
    send_wrong(gateway)
    told = b"<xml><mch_id>%b</mch_id><sign>AB</sign></xml>" % gateway.mchid.encode()
    gateway.respond("POST", "/pay/unifiedorder", {"Host": "127.0.0.1"}, told)  # type: ignore[arg-type]
    shop.control(gateway, "POST", "faults", {"name": "SLOW", "seconds": 3, "path": "/v3/nothing*", "times": None})
    waiting = place(gateway, wxpay)
    gateway.notices.wait()
    return waiting


def test_a_payment_is_watched_from_order_to_notice(browser: Browser, gateway: Sandbox, wxpay: Wechatpay) -> None:
    """A client orders, a click pays, the notice arrives, and goes once more when it is asked for."""
    with listening() as receiver:
        number = place(gateway, wxpay, notify_url=receiver.url)
        browser.says("#rows tbody tr", NATIVE, "签名正确", "200")
        browser.click("nav a[href='#orders']")
        browser.says("#rows tbody tr", number, "¥1.00", "未支付")
        browser.click(f"button[aria-label='支付 {number}']")
        browser.says("#told", number)
        browser.says("#rows tbody tr", "成功")
        assert shop.query(wxpay, gateway, number)["trade_state"] == "SUCCESS"
        assert gateway.notices.wait()
        assert len(receiver.received) == 1
        browser.click("nav a[href='#notices']")
        browser.says("#rows tbody tr", "TRANSACTION.SUCCESS", "已接收", "1")
        browser.click("#rows button.open")
        browser.says("#details", receiver.url, "204", number)
        browser.click("#details button.main")
        browser.wait(lambda: len(receiver.received) == 2)
        browser.wait(lambda: len(browser.all("#details tbody tr")) == 2)
        first, second = (json.loads(body) for _, body in receiver.received)
        assert first["id"] == second["id"]
        browser.picture("notice")


def test_the_code_of_an_order_can_be_scanned(browser: Browser, gateway: Sandbox, wxpay: Wechatpay) -> None:
    """The picture holds the code_url that the client got; the link leads to a page on which a payer pays."""
    body = shop.order(gateway)
    address = wxpay.v3.pay.transactions.native.post(body).data["code_url"]
    number = body["out_trade_no"]
    browser.open(f"{gateway.base_url}/_/#orders/{number}")
    browser.says("#details", number, address)
    browser.wait(lambda: browser.script("return document.querySelector('.code-picture').naturalWidth > 0"))
    picture = Image.open(io.BytesIO(browser.find(".code-picture").screenshot_as_png))
    assert [code.text for code in zxingcpp.read_barcodes(picture)] == [address]
    browser.picture("order")
    window = browser.driver.current_window_handle
    browser.click("#details .code-box a")
    browser.wait(lambda: len(browser.driver.window_handles) == 2)
    browser.driver.switch_to.window(next(each for each in browser.driver.window_handles if each != window))
    browser.click("form button")
    browser.wait(lambda: "支付成功" in browser.text("h1"))
    browser.driver.close()
    browser.driver.switch_to.window(window)
    browser.says("#details", "成功 SUCCESS")
    assert browser.all(".code-picture") == []


def test_orders_are_closed_and_refunded(browser: Browser, gateway: Sandbox, wxpay: Wechatpay) -> None:
    """By clicks; a refund asks how much, in yuan, and what is wrong with an amount is told beside nothing sent."""
    closed, paid = place(gateway, wxpay), place(gateway, wxpay)
    gateway.pay(paid)
    visit(browser, gateway, "orders")
    browser.click(f"button[aria-label='关闭 {closed}']")
    browser.says("#told", closed)
    assert shop.query(wxpay, gateway, closed)["trade_state"] == "CLOSED"
    for typed, told in (("0.2.9", "0.2.9"), ("2", "CONFLICT"), ("0.29", "")):
        browser.click(f"button[aria-label='退款 {paid}']")
        field = browser.find("dialog[open] input")
        assert field.get_attribute("value") == "1.00"
        field.clear()
        field.send_keys(typed, Keys.ENTER)
        if told:
            browser.says("#failed", told)
    browser.says("#told", paid)
    [row] = shop.control(gateway, "GET", "refunds")[1]["refunds"]
    assert row["amount"] == 29
    browser.click("nav a[href='#refunds']")
    browser.says("#rows tbody tr", row["out_refund_no"], "¥0.29")
    browser.click(f"button[aria-label='退款 {paid}'], nav a[href='#orders']")
    browser.click(f"button[aria-label='退款 {paid}']")
    browser.press(Keys.ESCAPE)
    browser.wait(lambda: not browser.all("dialog[open]"))
    assert len(shop.control(gateway, "GET", "refunds")[1]["refunds"]) == 1


def test_refunds_and_transfers_take_their_states(browser: Browser, wxpay: Wechatpay) -> None:
    """A refund that becomes abnormal and succeeds after all, a transfer that is confirmed."""
    with Sandbox(refund_after=None) as gateway, gateway.client() as own:
        number = place(gateway, own)
        gateway.pay(number)
        back = shop.refund(number, 30)
        own.v3.refund.domestic.refunds.post(back)
        moved = transfer(gateway, own)
        visit(browser, gateway, "refunds")
        browser.click("#rows button[title=ABNORMAL]")
        browser.says("#rows tbody tr td.narrow:nth-child(3)", "异常")
        browser.click("#rows button[title=SUCCESS]")
        browser.says("#rows tbody tr td.narrow:nth-child(3)", "成功")
        visit(browser, gateway, "transfers")
        browser.says("#rows tbody tr", moved, "¥0.50", "待用户确认")
        browser.click("#rows button[title=FAIL]")
        browser.says("#rows tbody tr td.narrow:nth-child(3)", "失败")
        told = own.v3.fundApp.mchTransfer.transferBills.outBillNo._no_.get(no=moved).data
        assert told["state"] == "FAIL"
        browser.driver.get("about:blank")


def test_a_wrong_signature_is_read(browser: Browser, gateway: Sandbox) -> None:
    """The two texts side by side, the first character that differs marked in both, the cause in words."""
    send_wrong(gateway)
    browser.says("#rows tbody tr", "✗", "401")
    browser.click("#rows button.open")
    browser.says("#details", "应签名的文本", "实际签名的文本", "第一处不同：第 5 行")
    boxes = browser.all("#details .texts pre")
    assert len(boxes) == 2
    expected, signed = (box.text for box in boxes)
    assert (expected.startswith("POST"), signed.startswith("POST")) == (True, True)
    assert abs(boxes[0].location["y"] - boxes[1].location["y"]) < 2
    assert boxes[0].location["x"] + boxes[0].size["width"] <= boxes[1].location["x"]
    first = [box.find_element(By.CSS_SELECTOR, "mark b").text for box in boxes]
    assert first[0] != first[1]
    assert browser.text("#cause") != ""
    browser.picture("signature")


@pytest.mark.parametrize(
    ("expected", "signed", "line", "column", "first"),
    [
        ("GET\n/a\n", "GET\n/b\n", 2, 2, ("a", "b")),
        ("GET\n/a\n", "GET\n/a", 2, 3, ("\n", "")),
        ("a", "a", 1, 2, ("", "")),
        ("", "x", 1, 1, ("", "x")),
        ("茶😀b", "茶😁b", 1, 2, ("😀", "😁")),
        ("aa", "aaa", 1, 3, ("", "a")),
        ("1\n2\n3", "1\n2\n\n3", 3, 1, ("", "\n")),
    ],
)
def test_the_first_difference_is_found(
    browser: Browser, expected: str, signed: str, line: int, column: int, first: tuple[str, str]
) -> None:
    """By characters as people count them, where a text is shorter, longer, empty or the same."""
    found = browser.script_async(
        "const [left, right, done] = arguments;"
        "import('/_/console/difference.js').then((module) => done(module.difference(left, right)))",
        expected,
        signed,
    )
    assert (found["line"], found["column"]) == (line, column)
    assert (found["expected"]["first"], found["signed"]["first"]) == first
    for side, text in (("expected", expected), ("signed", signed)):
        assert "".join(found[side][part] for part in ("before", "first", "rest", "after")) == text
    assert found["isSame"] is (expected == signed)


def test_the_list_is_filtered(browser: Browser, gateway: Sandbox, wxpay: Wechatpay) -> None:
    """By number, path and verdict; what comes later appears only where it fits."""
    number = place(gateway, wxpay)
    send_wrong(gateway)
    place(gateway, wxpay)
    browser.wait(lambda: len(browser.all("#rows tbody tr")) == 3)
    browser.find("#filters [name=number]").send_keys(number)
    browser.wait(lambda: len(browser.all("#rows tbody tr")) == 1)
    shop.query(wxpay, gateway, number)
    place(gateway, wxpay)
    browser.wait(lambda: len(browser.all("#rows tbody tr")) == 2)
    browser.find("#filters [name=number]").clear()
    browser.script("document.querySelector('#filters form').reset()")
    browser.find("#filters [name=verdict]").send_keys(Keys.END)
    browser.says("#rows tbody tr", "✗")
    browser.wait(lambda: len(browser.all("#rows tbody tr")) == 1)
    browser.find("#filters [name=path]").send_keys("/v3/nothing")
    browser.says("#rows", "没有符合条件的请求")


def test_faults_are_set_and_cleared(browser: Browser, gateway: Sandbox, wxpay: Wechatpay) -> None:
    """A fault of the form meets the next request; the list says what is left, and the request what met it."""
    visit(browser, gateway, "faults")
    browser.find("#fault-form [name=name]").send_keys("FREQUENCY_LIMITED")
    times = browser.find("#fault-form [name=times]")
    times.clear()
    times.send_keys("2", Keys.ENTER)
    browser.says("#told", "FREQUENCY_LIMITED")
    browser.says("#rows tbody tr", "FREQUENCY_LIMITED", "2")
    with pytest.raises(errors.RateLimited, match="FREQUENCY_LIMITED"):
        place(gateway, wxpay)
    browser.wait(lambda: "1" in browser.text("#rows tbody td:nth-child(3)"))
    browser.picture("faults")
    browser.click("nav a[href='#requests']")
    browser.says("#rows tbody tr", "429", "FREQUENCY_LIMITED")
    browser.click("nav a[href='#faults']")
    browser.click("#rows tbody button")
    browser.says("#rows", "没有设置故障")
    browser.find("#fault-form [name=name]").send_keys("NO_SUCH_CODE_OF_ANY_PAGE", Keys.ENTER)
    browser.wait(lambda: browser.text("#failed") or browser.all("#rows tbody tr"))
    browser.click("#fault-form button[type=button]")
    browser.says("#rows", "没有设置故障")


def test_a_form_stays_in_its_section(browser: Browser, gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Who leaves a section before its form is there finds none in the next one."""
    browser.says("#merchant", gateway.mchid)
    for section in ("faults", "notices"):
        shown = browser.script_async(
            "const [section, done] = arguments; location.hash = section;"
            "setTimeout(() => { location.hash = 'requests'; }, 1);"
            "setTimeout(() => done([...document.querySelectorAll('form')].map((each) => each.id)), 600)",
            section,
        )
        assert [name for name in shown if name] == []
        assert browser.all("#filters [name=verdict]")


def test_an_answer_is_written(browser: Browser, gateway: Sandbox, wxpay: Wechatpay) -> None:
    """The next request that fits gets it; what is no JSON is told before anything is sent."""
    visit(browser, gateway, "faults")
    browser.click("#filters summary")
    browser.find("#answer-form [name=path]").send_keys("/v3/pay/*")
    status = browser.find("#answer-form [name=status]")
    status.clear()
    status.send_keys("403")
    body = browser.find("#answer-form [name=body]")
    body.send_keys("{'code'}")
    browser.click("#answer-form button")
    browser.says("#failed", "应为 JSON")
    assert gateway.faults.answers == []
    body.clear()
    body.send_keys('{"code": "NOT_ENOUGH", "message": "余额不足"}')
    browser.click("#answer-form button")
    browser.says("#told", "403")
    browser.says("#rows tbody tr", "指定应答 403", "/v3/pay/*")
    browser.picture("answer")
    with pytest.raises(errors.ClientError, match="NOT_ENOUGH"):
        place(gateway, wxpay)
    browser.says("#rows", "没有设置故障")


def test_a_notice_is_pushed(browser: Browser, gateway: Sandbox, wxpay: Wechatpay) -> None:
    """With the documentation's content or one that is typed; a receiver that refuses is told apart."""
    with listening() as receiver:
        visit(browser, gateway, "notices")
        browser.click("#filters summary")
        browser.find("#push-form [name=event_type]").send_keys("TRANSACTION.SUCCES")
        browser.find("#push-form [name=url]").send_keys(receiver.url)
        browser.click("#push-form button")
        browser.says("#failed", "没有示例", "TRANSACTION.SUCCESS")
        browser.find("#push-form [name=event_type]").send_keys("S")
        browser.find("#push-form [name=resource]").send_keys('{"out_trade_no": "<b>茶</b>"}')
        browser.click("#push-form button")
        browser.says("#told", "已被接收")
        browser.says("#rows tbody tr", "TRANSACTION.SUCCESS", "已接收")
        [(headers, body)] = receiver.received
        assert wxpay.notification(headers, body).resource == {"out_trade_no": "<b>茶</b>"}
        browser.click("#rows button.open")
        browser.says("#details", "<b>茶</b>", "创建时间")
        browser.picture("push")
    url = browser.find("#push-form [name=url]")
    url.clear()
    url.send_keys(shop.NOWHERE)
    browser.click("#push-form button")
    browser.says("#told", "未被接收", "没有应答")


REFUSED: list[tuple[str, dict[str, Any]]] = [
    *((f"orders/{{{name}}}/pay", {}) for name in ("none", "paid", "closed")),
    *((f"orders/{{{name}}}/close", {}) for name in ("none", "paid")),
    ("orders/{open}/refund", {"amount": 1}),
    ("orders/{paid}/refund", {"amount": 10_000}),
    ("orders/{paid}/refund", {"amount": 0}),
    ("refunds/{none}/SUCCESS", {}),
    ("refunds/{refund}/PROCESSING", {}),
    ("transfers/{transfer}/SUCCESSFUL", {}),
    ("notices/{none}/resend", {}),
    *(
        ("faults", {"name": "SLOW", **wrong})
        for wrong in (
            *({"name": "x"}, {"name": "SIGNTEST", "when": "before"}, {"rate": 2}, {"seconds": -1}),
            *({"method": "A B"}, {"path": "a?b"}, {"path": "/v3/x{a}"}, {"path": "/" * 3000}, {"times": 0}),
        )
    ),
    ("answers", {"method": "GET", "path": "/x", "status": 100}),
    ("answers", {"method": "GET", "path": "/x", "status": 204, "body": {"a": 1}}),
    ("push", {"event_type": "\ud83d", "url": shop.NOWHERE}),
    *(
        ("push", {"event_type": "TRANSACTION.SUCCESS", "url": shop.NOWHERE, **wrong})
        for wrong in ({"event_type": "TRANSACTION.SUCCES"}, {"event_type": "x"}, {"url": "x"}, {"url": "http://a/?b"})
    ),
    *(("clock", wrong) for wrong in ({"factor": -1}, {"set": "x"}, {"advance": 1e300})),
]


def test_every_refusal_is_told_in_both_languages(browser: Browser, gateway: Sandbox, wxpay: Wechatpay) -> None:
    """What the control API says to a form or a button: in Chinese with its values, in English as it is."""
    numbers = {"none": "nothing", "open": place(gateway, wxpay), "paid": place(gateway, wxpay)}
    numbers |= {"closed": place(gateway, wxpay), "transfer": transfer(gateway, wxpay)}
    gateway.close_order(numbers["closed"])
    gateway.pay(numbers["paid"])
    numbers["refund"] = gateway.ask_refund(numbers["paid"], 1)
    messages = []
    for path, fields in REFUSED:
        status, told = shop.control(gateway, "POST", path.format(**numbers), fields)
        assert status >= 400, path
        messages.append(told["message"])
    in_words = (
        "const [messages, done] = arguments;"
        "import('/_/console/messages.js').then((module) => done(messages.map(module.inWords)))"
    )
    chinese = browser.script_async(in_words, messages)
    for message, shown in zip(messages, chinese, strict=True):
        latin = re.sub(r"[A-Z_.]+[A-Z]|openid|http|JSON", "", re.sub(r"“.*?”|" + "|".join(numbers.values()), "", shown))
        assert (shown != message, re.search("[a-z]{3,} [a-z]{2,}", latin)) == (True, None), shown
    browser.click("#language")
    assert browser.script_async(in_words, messages) == messages


def test_the_clock_and_the_configuration(browser: Browser, gateway: Sandbox) -> None:
    """A day passes by a click, the clock stops and is set; the merchant's entries and the snippets are shown."""
    before = gateway.clock.now()
    visit(browser, gateway, "settings")
    browser.click("#rows .actions button:nth-child(3)")
    browser.says("#told", "时钟为")
    assert 86_400 <= gateway.clock.now() - before < 86_500
    speed = browser.find("#rows [name=factor]")
    speed.clear()
    speed.send_keys("0", Keys.ENTER)
    browser.says("#factor", "已停止")
    assert gateway.clock.factor == 0
    browser.script("document.querySelector('#rows [name=set]').value = '2026-12-01T10:00:00'")
    browser.click("#rows form:nth-of-type(2) button")
    browser.says("#time", "2026-12-01 10:00:00")
    assert gateway.mchid in browser.text("#rows dl")
    told = shop.control(gateway, "GET", "snippets")[1]["snippets"]
    assert [each.text for each in browser.all("#rows summary")][1:] == [each["title"] for each in told]
    for place, each in enumerate(browser.all("#rows summary")[1:]):
        each.click()
        assert browser.all("#rows details pre")[place + 1].get_property("textContent") == told[place]["text"]
    browser.picture("settings")


def test_a_reset_asks_first(browser: Browser, gateway: Sandbox, wxpay: Wechatpay) -> None:
    """The question's first choice is to leave all as it is."""
    number = place(gateway, wxpay)
    visit(browser, gateway, "settings")
    browser.click("#reset")
    browser.press(Keys.ENTER)
    browser.wait(lambda: not browser.all("dialog[open]"))
    assert shop.query(wxpay, gateway, number)["trade_state"] == "NOTPAY"
    browser.click("#reset")
    browser.click("#question-yes")
    browser.says("#told", "已清空")
    assert shop.control(gateway, "GET", "orders")[1] == {"orders": []}


def test_both_languages(browser: Browser, gateway: Sandbox, wxpay: Wechatpay) -> None:
    """A click changes every text, the page's lang and what is remembered; no text stays in the other language."""
    furnish(gateway, wxpay)
    browser.click("#language")
    browser.says("h1", "WeChat Pay sandbox")
    assert browser.script("return document.documentElement.lang") == "en"
    for section in SECTIONS:
        visit(browser, gateway, section)
        shown = browser.script(
            "const copy = document.body.cloneNode(true);"
            "for (const each of copy.querySelectorAll('pre, dialog, noscript, #language, [hidden]')) each.remove();"
            "return copy.textContent"
        )
        assert [letter for letter in shown if "\u4e00" <= letter <= "\u9fff"] == [], section
        browser.picture(f"english-{section}")
    for at in (1, 2):
        browser.open(f"{gateway.base_url}/_/#requests/{gateway.journal.last - at}")
        browser.says("#details", "Verdict", "SIGN_ERROR" if at == 2 else "FAIL")
        shown = browser.text("#details dl") + browser.text("#cause") + browser.text("#first")
        assert [letter for letter in shown if "\u4e00" <= letter <= "\u9fff"] == [], shown
        assert len(browser.text("#cause")) > 10
    browser.picture("english-verdict")
    browser.click("#language")
    browser.says("h1", "微信支付沙箱")
    assert browser.script("return document.documentElement.lang") == "zh-CN"


def test_the_keyboard_alone(browser: Browser, gateway: Sandbox, wxpay: Wechatpay) -> None:
    """From the address bar to a paid and refunded order: Tab, arrows, Enter and Escape; the focus is never lost."""
    older, newer = place(gateway, wxpay), place(gateway, wxpay)
    browser.says("#rows", NATIVE)
    browser.press(Keys.TAB)
    assert browser.script("return document.activeElement.className") == "skip"
    browser.tab_to("nav a[href='#orders']")
    browser.press(Keys.ENTER)
    browser.says("#rows tbody tr", newer)
    browser.tab_to("#rows button.open")
    assert browser.script("return document.activeElement.textContent") == newer
    browser.press(Keys.ARROW_DOWN)
    assert browser.script("return document.activeElement.textContent") == older
    browser.press(Keys.ENTER)
    browser.says("#details", older)
    browser.wait(lambda: browser.script("return document.activeElement.id") == "details-heading")
    browser.tab_to("#details button.main")
    outline = browser.script("return getComputedStyle(document.activeElement).outlineWidth")
    assert outline == "3px"
    browser.press(Keys.ENTER)
    browser.says("#details", "成功 SUCCESS")
    assert browser.script("return document.activeElement.closest('#details') !== null")
    browser.press(Keys.ESCAPE)
    browser.wait(lambda: browser.script("return document.activeElement.textContent") == older)
    browser.press(Keys.TAB)
    assert browser.script("return document.activeElement.getAttribute('aria-label')") == f"退款 {older}"
    browser.press(Keys.ENTER)
    browser.wait(lambda: browser.all("dialog[open]"))
    browser.press(Keys.ENTER)
    # The payment before was told with the same number.
    browser.says("#told", older, "退款")
    assert shop.query(wxpay, gateway, older)["trade_state"] == "REFUND"
    # One row alone is in the order of Tab, so a list of any length is left with few of them.
    assert browser.script("return document.querySelectorAll('#rows tbody button:not([tabindex=\"-1\"])').length") <= 3


def test_forms_by_the_keyboard(browser: Browser, gateway: Sandbox) -> None:
    """A folded form is opened, filled and sent with Tab and Enter; what came of it is told and the focus stays."""
    visit(browser, gateway, "notices")
    browser.tab_to("#filters summary")
    browser.press(Keys.ENTER)
    browser.press(Keys.TAB, "REFUND.SUCCESS", Keys.TAB, shop.NOWHERE, Keys.ENTER)
    browser.says("#told", "未被接收")
    assert browser.script("return document.activeElement.name") == "url"
    browser.tab_to("nav a[href='#faults']", most=200)
    browser.press(Keys.ENTER)
    browser.says("#rows", "没有设置故障")
    browser.tab_to("#filters summary")
    browser.press(Keys.ENTER)
    browser.press(Keys.TAB, Keys.TAB, "/v3/x", Keys.TAB, Keys.TAB, Keys.TAB, "[1]", Keys.TAB, Keys.ENTER)
    browser.says("#rows tbody tr", "指定应答 200", "/v3/x")
    [written] = gateway.faults.answers
    assert (written.path, written.status, written.body) == ("/v3/x", 200, [1])
    browser.tab_to("#rows button")
    browser.press(Keys.ENTER)
    browser.says("#rows", "没有设置故障")
    assert gateway.faults.answers == []


def test_the_width_of_a_phone(browser: Browser, gateway: Sandbox, wxpay: Wechatpay) -> None:
    """390 pixels: nothing scrolls sideways, what is opened stands above the list, buttons suit fingers."""
    waiting = furnish(gateway, wxpay)
    browser.resize(390, 844)
    for section in SECTIONS:
        visit(browser, gateway, section)
        browser.wait(lambda: browser.script("return document.querySelector('#rows').innerText.length > 20"))
        width = browser.script("return document.documentElement.scrollWidth")
        assert width <= 390, section
        browser.picture(f"phone-{section}")
    browser.click("#language")
    for section in ("notices", "faults", "orders", "requests"):
        visit(browser, gateway, section)
        browser.wait(lambda: browser.all("#rows tbody tr"))
        assert browser.script("return document.documentElement.scrollWidth") <= 390, section
        tall = "return [...document.querySelectorAll('#rows td button')].map((each) => each.offsetHeight)"
        assert max(browser.script(tall) or [0]) < 50, "a word of a button is broken"
        cut = "return [...document.querySelectorAll('thead th')].filter((each) => each.scrollWidth > each.clientWidth)"
        assert browser.script(f"{cut}.map((each) => each.textContent)") == []
        browser.picture(f"phone-english-{section}")
    browser.click("#language")
    for address in (f"orders/{waiting}", "requests"):
        browser.open(f"{gateway.base_url}/_/#{address}")
        if address == "requests":
            browser.find("#filters [name=verdict]").send_keys(Keys.END)
            browser.says("#rows tbody tr", "✗")
            browser.click("#rows button.open")
        browser.wait(lambda: browser.text("#details"))
        assert browser.script("return document.documentElement.scrollWidth") <= 390
        assert browser.find("#details").location["y"] < browser.find("#rows").location["y"]
        heights = [each.size["height"] for each in browser.all("#details button")]
        assert min(heights) >= 40
        browser.picture(f"phone-details-{address.partition('/')[0]}")


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, gateway: Sandbox, wxpay: Wechatpay, scheme: str, width: int) -> None:
    """No finding in any section, with something opened, in both schemes and both widths, nor in the question."""
    assert AXE.is_file(), "run npm install in tests/sandbox/axe"
    furnish(gateway, wxpay)
    browser.prefer(scheme)
    browser.resize(width, 900)
    for section in SECTIONS:
        visit(browser, gateway, section)
        browser.wait(lambda: browser.script("return document.querySelector('#rows').innerText.length > 20"))
        background = browser.script("return getComputedStyle(document.body).backgroundColor")
        assert (background == "rgb(255, 255, 255)") == (scheme == "light")
        if browser.all("#rows button.open"):
            browser.click("#rows button.open")
            browser.wait(lambda: browser.text("#details"))
        browser.script("for (const each of document.querySelectorAll('details')) each.open = true")
        browser.picture(f"{scheme}-{width}-{section}")
        assert look_for_faults(browser) == [], section
    browser.click("#reset")
    browser.wait(lambda: browser.all("dialog[open]"))
    browser.picture(f"{scheme}-{width}-question")
    assert look_for_faults(browser) == []


def look_for_faults(browser: Browser) -> list[str]:
    """What axe-core says of the page as it is, by the rules of WCAG 2.2 A and AA and by its best practices."""
    browser.script(f"{AXE.read_text()}; window.axe = axe")
    found = browser.script_async("const done = arguments[0]; axe.run(document).then(done)")
    assert len(found["passes"]) > 10
    return [f"{each['impact']} {each['id']}: {each['nodes'][0]['html']}" for each in found["violations"]]


def test_what_a_screen_reader_hears(browser: Browser, gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Chromium's own tree of roles and names: landmarks, a table with its caption, buttons that name their order."""
    waiting = furnish(gateway, wxpay)
    visit(browser, gateway, "orders")
    browser.says("#rows", waiting)
    nodes = browser.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    heard = {
        (node["role"]["value"], node["name"]["value"])
        for node in nodes
        if not node["ignored"] and "name" in node and "role" in node
    }
    for role, name in (
        ("navigation", "栏目"),
        ("button", f"支付 {waiting}"),
        ("button", f"关闭 {waiting}"),
        ("columnheader", "金额"),
        ("heading", "订单"),
        ("button", "实时更新"),
    ):
        assert (role, name) in heard, (role, name)
    roles = {role for role, _ in heard}
    assert {"main", "banner", "table", "rowheader", "status", "alert"} <= roles


def test_dark_and_light_can_be_chosen(browser: Browser, gateway: Sandbox) -> None:
    """As the system says, until it is chosen; the choice is remembered."""

    def background() -> str:
        return str(browser.script("return getComputedStyle(document.body).backgroundColor"))

    light = background()
    browser.prefer("dark")
    dark = background()
    assert light != dark
    browser.find("#theme").send_keys("浅")
    browser.wait(lambda: background() == light)
    browser.open(f"{gateway.base_url}/_/")
    assert background() == light
    browser.prefer("light")
    browser.find("#theme").send_keys("深")
    browser.wait(lambda: background() == dark)


def test_the_list_can_stand_still(browser: Browser, gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Who reads stops it; what came meanwhile is there when it goes on."""
    place(gateway, wxpay)
    browser.says("#rows tbody tr", NATIVE)
    browser.click("#live")
    asked = browser.script("return performance.getEntriesByType('resource').length")
    place(gateway, wxpay)
    time.sleep(2)  # nothing happens: no event tells that
    assert browser.script("return performance.getEntriesByType('resource').length") - asked <= 2
    assert len(browser.all("#rows tbody tr")) == 1
    browser.click("#live")
    browser.wait(lambda: len(browser.all("#rows tbody tr")) == 2)


def test_a_sandbox_that_ends_is_told(browser: Browser) -> None:
    """And the page goes on by itself when it is there again."""
    with Sandbox() as gateway:
        browser.open(f"{gateway.base_url}/_/")
        browser.says("#merchant", gateway.mchid)
        port = int(gateway.base_url.rsplit(":", 1)[1])
    browser.says("#failed", "沙箱没有应答")
    with Sandbox(port) as gateway:
        browser.says("#merchant", gateway.mchid)
        browser.wait(lambda: not browser.text("#failed"))
        browser.driver.get("about:blank")
    browser.complaints()


def test_a_thousand_rows_stay_fluid(browser: Browser, gateway: Sandbox, wxpay: Wechatpay) -> None:
    """One request more touches one row: of the thousand others none is made anew."""
    with wxpay:
        for _ in range(MANY):
            gateway.respond("GET", "/v3/certificates", {"Host": "127.0.0.1"}, b"")  # type: ignore[arg-type]
    browser.open(f"{gateway.base_url}/_/")
    browser.wait(lambda: len(browser.all("#rows tbody tr")) == MANY)
    browser.script(
        "window.touched = [];"
        "new MutationObserver((all) => touched.push(...all.flatMap((each) =>"
        " [...each.addedNodes, ...each.removedNodes])))"
        ".observe(document.querySelector('#rows tbody'), { childList: true, subtree: true })"
    )
    send_wrong(gateway)
    browser.says("#rows tbody tr", NATIVE)
    assert browser.script("return touched.length") == 2  # a row came, the oldest went
    assert len(browser.all("#rows tbody tr")) == MANY
    browser.picture("thousand")


HOSTILE = (
    "\"'><img src=x onerror=pwn()><svg onload=pwn()><script>pwn()</script><a href=javascript:pwn()>{{7*7}}</a>&lt;b&gt;"
)


def test_no_text_becomes_markup(browser: Browser, gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Every field that somebody else can fill: shown as it is, in lists, details and messages; no script runs."""
    number = place(gateway, wxpay, description=HOSTILE, notify_url="http://127.0.0.1:9/\"'><svg/onload=pwn()>")
    gateway.pay(number, HOSTILE)
    gateway.ask_refund(number, 1, reason=HOSTILE[:80])
    moved = transfer(gateway, wxpay)
    gateway.transfer(moved, "FAIL", HOSTILE)
    waiting = place(gateway, wxpay, description=HOSTILE)
    shop.control(gateway, "POST", "faults", {"name": "SLOW", "path": f"/{HOSTILE}"[:80], "times": None})
    shop.control(gateway, "POST", "answers", {"method": "GET", "path": f"/{HOSTILE}", "status": 200, "body": HOSTILE})
    told = {"event_type": HOSTILE[:60], "url": shop.NOWHERE, "resource": {HOSTILE: HOSTILE}}
    shop.control(gateway, "POST", "push", told)
    headers = {"User-Agent": HOSTILE, "Authorization": HOSTILE, "X-Evil": HOSTILE, "Host": "127.0.0.1", "Accept": "*/*"}
    gateway.respond("POST", f"/v3/{HOSTILE}?{HOSTILE}", headers, HOSTILE.encode())  # type: ignore[arg-type]
    gateway.respond("POST", "/pay/unifiedorder", headers, f"<xml><sign>{HOSTILE}</sign></xml>".encode())  # type: ignore[arg-type]
    browser.complaints()
    for section, rows in (
        ("requests", 9),
        ("orders", 2),
        ("refunds", 1),
        ("transfers", 1),
        ("notices", 4),
        ("faults", 0),
    ):
        visit(browser, gateway, section)
        browser.script("window.pwn = () => { document.title = 'pwned'; }")
        for at in range(rows):
            openers = browser.all("#rows button.open")
            if at >= len(openers):
                break
            browser.script("arguments[0].click()", openers[at])
            browser.says("#details", "返回列表")
            browser.script("for (const each of document.querySelectorAll('details')) each.open = true")
        found = browser.script(
            "return [...document.querySelectorAll('img, svg, script, a, iframe, object')].map((each) => each.outerHTML)"
            ".filter((each) => /pwn|src=\"?x|javascript:/.test(each) && !each.includes('qrcode.svg'))"
        )
        assert (found, browser.script("return document.title.includes('pwned')")) == ([], False)
        assert "onerror" in browser.text("body") or section in ("refunds", "transfers")
    browser.open(f"{gateway.base_url}/_/#orders/{waiting}")
    browser.says("#details", "<img src=x onerror=pwn()>")
    browser.picture("hostile")
    # An address with markup in it opens nothing either.
    browser.open(f"{gateway.base_url}/_/#orders/{quote(HOSTILE)}")
    browser.says("#details", "这条记录已不在了")
    browser.open(f"{gateway.base_url}/_/#orders/%E0%A4%A")
    browser.says("#merchant", gateway.mchid)


def test_a_token_is_asked_for(browser: Browser) -> None:
    """Of a sandbox that listens for other machines: in a question, or behind the address, from which it disappears."""
    with Sandbox() as gateway, gateway.client() as own:
        # As if it listened for other machines, which no test does.
        gateway.token = "a-token-of-this-test"
        place(gateway, own)
        browser.open(f"{gateway.base_url}/_/")
        field = browser.find("dialog[open] input")
        field.send_keys("another", Keys.ENTER)
        browser.wait(lambda: not browser.all("#rows tbody tr"))
        browser.find("dialog[open] input").send_keys("a-token-of-this-test", Keys.ENTER)
        browser.says("#rows tbody tr", NATIVE)
        browser.script("sessionStorage.clear()")
        browser.open(f"{gateway.base_url}/_/#token=a-token-of-this-test")
        browser.says("#rows tbody tr", NATIVE)
        assert "token" not in browser.script("return location.href")
        browser.driver.get("about:blank")
