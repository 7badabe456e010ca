"""The page at ``/``: what this server is, for whoever opens its address in a browser."""

from __future__ import annotations

from html import escape

from wechatpay_chain.sandbox.answer import Answer

__all__ = ["page"]

_PAGE = """<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>微信支付沙箱 · WeChat Pay sandbox</title>
<style>
body {{ font: 16px/1.6 sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1rem; color: #1a1a1a }}
code, pre {{ font: 14px/1.5 monospace; background: #f2f4f3; border-radius: 4px; padding: .1em .3em }}
pre {{ padding: .8em 1em; overflow-x: auto }}
h1 {{ font-size: 1.5rem }} h1 small {{ font-weight: normal; color: #07884a }}
</style>
</head>
<body>
<h1>微信支付沙箱 <small>WeChat Pay sandbox</small></h1>
<p lang="zh-CN">这是 <code>wechatpay_chain</code> 的沙箱：
它从微信支付一侧校验请求的签名、保存订单和退款、推送通知，并为应答签名。
它不是微信支付，这里没有真实的资金。任何语言的客户端都可以使用，只需换掉接口地址和密钥。</p>
<p lang="en">This is the sandbox of <code>wechatpay_chain</code>.
It checks the signatures of requests as WeChat Pay does, keeps orders and refunds, pushes notices and signs its
answers. It is not WeChat Pay, and no money moves here. Clients in any language can use it with another base URL
and other keys.</p>
<pre>base URL  {url}
mchid     {mchid}</pre>
<p><a href="/_/">控制台 / console</a></p>
<ul>
<li>APIv3: <code>{url}/v3/…</code></li>
<li>APIv2: <code>{url}/pay/…</code>, <code>{url}/secapi/…</code></li>
<li>沙箱自己的接口 / its own: <a href="/_/health">/_/health</a>, <a href="/_/orders">/_/orders</a>,
<a href="/_/requests">/_/requests</a>, <a href="/_/notices">/_/notices</a></li>
</ul>
<p>支付一个订单 / pay an order:</p>
<pre>curl -X POST -H 'Content-Type: application/json' {url}/_/orders/OUT_TRADE_NO/pay</pre>
</body>
</html>
"""


def page(url: str, mchid: str) -> Answer:
    """The page, which has no signature; ``url`` is where the sandbox listens."""
    body = _PAGE.format(url=escape(url), mchid=escape(mchid)).encode("utf-8")
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    }
    return Answer(200, body, headers, is_signed=False)
