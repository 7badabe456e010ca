"""Calls from all over the catalogue in every spelling, for type checkers to read; nothing here is run."""

from __future__ import annotations

from wechatpay_chain import Media, Sealed, Wechatpay

NOTIFY_URL = "https://pay.weixin.qq.com"


def favor(wxpay: Wechatpay) -> None:
    """The address for coupons."""
    wxpay.v3.marketing.favor.callbacks.post({"mchid": "1900000109", "notify_url": NOTIFY_URL, "switch": True})
    wxpay.v3.marketing.favor.callbacks({"mchid": "1900000109", "notify_url": NOTIFY_URL})
    print(wxpay.v3.marketing.favor.callbacks.postAsync({"mchid": "1900000109", "notify_url": NOTIFY_URL}).wait().data)
    wxpay.v3.marketing.favor.callbacks.get({"timeout": 5}, params={"mchid": "1900000109"})
    wxpay.v3.marketing.favor.callbacks.get(params={"mchid": "1900000109"})
    wxpay.chain("v3/marketing/favor/callbacks").post({"mchid": "1900000109", "notify_url": NOTIFY_URL})
    wxpay["v3/marketing/favor/callbacks"].get({"params": {"mchid": "1900000109"}})


def members(wxpay: Wechatpay) -> None:
    """The address for member cards."""
    wxpay.v3.marketing.membercardOpen.callback.patch({"notify_url": NOTIFY_URL})
    wxpay.v3.marketing.membercardOpen.callback.get({})
    wxpay.v3.marketing.membercardOpen.callback.get().data["notify_url"]
    wxpay.v3["marketing/membercard-open/callback"].patch({"notify_url": NOTIFY_URL})


def plans(wxpay: Wechatpay) -> None:
    """The address of a delivery plan: a placeholder by attribute, by text and by value."""
    plan = wxpay.v3.marketing.partner.deliveryPlan
    plan._sp_mchid_.notifyUrl.post({"notify_url": NOTIFY_URL}, sp_mchid="298689900")
    plan._sp_mchid_.notifyUrl.post({"notify_url": NOTIFY_URL}, {"timeout": 5}, sp_mchid=298689900)
    (plan / 298689900).notifyUrl.post({"notify_url": NOTIFY_URL})
    wxpay.v3.marketing.partner["delivery-plan/<sp_mchid>/notify-url"].post(
        {"notify_url": NOTIFY_URL}, sp_mchid="298689900"
    )
    wxpay.chain("v3/marketing/partner/delivery-plan/{sp_mchid}/notify-url").post(
        {"notify_url": NOTIFY_URL}, sp_mchid="298689900"
    )


def products(wxpay: Wechatpay) -> None:
    """The address for product coupons."""
    configs = wxpay.v3.marketing.partner.productCoupon.notifyConfigs
    configs.postAsync({"notify_url": NOTIFY_URL}).then(lambda answer: answer.data).wait()
    configs.post_async({"notify_url": NOTIFY_URL}).result(5)
    configs.post({"notify_url": NOTIFY_URL})
    configs.getAsync({}).wait()
    configs.get_async().wait()
    configs.get({}).json()
    wxpay.chain("v3/marketing/partner/product-coupon/notify-configs").postAsync({"notify_url": NOTIFY_URL}).wait()
    wxpay["v3/marketing/partner/product-coupon/notify-configs"].get({})


def payments(wxpay: Wechatpay) -> None:
    """Orders: made, asked for, closed, refunded."""
    wxpay.v3.pay.transactions.jsapi.post(
        {
            "appid": "wxd678efh567hg6787",
            "mchid": "1900000109",
            "description": "Image形象店-深圳腾大-QQ公仔",
            "out_trade_no": "1217752501201407033233368018",
            "notify_url": NOTIFY_URL,
            "amount": {"total": 100, "currency": "CNY"},
            "payer": {
                "openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
                "identity": {"type": "IDCARD", "number": Sealed("1"), "name": "…"},
            },
            "limit_pay": ["no_credit", "no_such_thing_yet"],
            "detail": {"goods_detail": [{"merchant_goods_id": "1246464644", "quantity": 1, "unit_price": 828800}]},
        },
        timeout=5,
        retry=False,
        headers={"Wechatpay-Serial": None},
    )
    wxpay.v3.pay.transactions.id._transaction_id_.get(params={"mchid": 1900000109}, transaction_id="4200")
    (wxpay.v3.pay.transactions.id / "4200").get(params={"mchid": "1900000109"})
    wxpay.v3.pay.transactions.outTradeNo._out_trade_no_.get(params={"mchid": "1900000109"}, out_trade_no="1")
    wxpay.v3.pay.transactions.outTradeNo._out_trade_no_.close.post({"mchid": "1900000109"}, out_trade_no="1")
    (wxpay.v3.pay.transactions.outTradeNo / 1217).close({"mchid": "1900000109"})
    wxpay.v3.refund.domestic.refunds.post(
        {"out_trade_no": "1", "out_refund_no": "2", "amount": {"refund": 1, "total": 1, "currency": "CNY"}}
    ).data["status"]
    (wxpay.v3.refund.domestic.refunds / "1217752501201407033233368018").get()
    wxpay.prepare(wxpay.v3.refund.domestic.refunds._out_refund_no_.get, out_refund_no="2").curl()
    wxpay.prepare(wxpay["v3/certificates"].get).curl()


def receivers(wxpay: Wechatpay) -> None:
    """A word that is a verb elsewhere, and a verb beside other words."""
    wxpay.v3.profitsharing.receivers.delete.post({"appid": "wx8888", "type": "MERCHANT_ID", "account": "86693852"})
    wxpay.v3.ecommerce.profitsharing.receivers.delete.postAsync({"appid": "1", "type": "MERCHANT_ID", "account": "2"})
    wxpay.v3.marketing.paygiftactivity.activities._activity_id_.merchants.delete.post(activity_id="126")
    wxpay.v3.payscore.serviceorder.get(params={"service_id": "500001", "appid": "wxd678efh567hg6787"})
    wxpay.v3.brand.partner.store.brandstores._store_id_.delete(json={"brand_id": "1"}, store_id="2")
    wxpay.v3.merchantStore.stores.post({})


def others(wxpay: Wechatpay) -> None:
    """Overseas, words that Python keeps for itself, an empty last word, files, bills."""
    wxpay.v3.global_.certificates.get()
    wxpay.hk.v3.certificates.get()
    print(wxpay.v3.certificates.get(timeout=(3, 5), base_url="https://api2.mch.weixin.qq.com").data)
    wxpay.v3.ecommerce.applyments._applyment_id_.get(applyment_id=1)
    wxpay.v3.merchant.media.upload.post(Media("logo.png"))
    wxpay.v3.merchant.media.video_upload.post(Media("clip.mp4", filename="clip.mp4"), retry=3)
    wxpay.v3.bill.tradebill.get(params={"bill_date": "2019-06-11", "tar_type": "GZIP"}, stream=True).close()
    wxpay.v3.bill.fundflowbill.get(params={"bill_date": "2019-06-11"})
    wxpay.v3.lovefeast.brands._brand_id_.get(brand_id="2250")
    wxpay.v3.mch_operate.risk.withdrawlApply.post(
        {
            "sub_mchid": "1900000109",
            "out_account_type": "BASIC_ACCOUNT",
            "amount": 101,
            "out_request_no": "2019061122222222122",
            "payee_type": "OTHER_MERCHANT",
            "payee_info": {"account_type": "ACCOUNT_TYPE_CORPORATE"},
        }
    )
    wxpay.v3.industryCoupon.tokens.post(
        {"open_id": "obLatj", "coupon_list": [{"stock_id": 16474341, "coupon_id": "11004999626"}]}
    )
    wxpay.v3.smartguide.guides.get(params={"store_id": "1", "limit": 5})
    wxpay.v3.transfer.batches.batchId._batch_id_.get(params={"need_query_detail": True}, batch_id="1030000071100999")
    wxpay.v3.vehicle.etc.contracts._contract_id_.get(contract_id="aAfixCs13LsdKPpfZfDkk2189ssXjfx")
    wxpay.v3.transactionBlock.transactionBlockRecords.subMchid._sub_mchid_.get(params={"limit": 5}, sub_mchid="1")
    wxpay.v3.merchantService.complaintNotifications.get()
    wxpay.v3.businesscircle.parkings.post(
        {
            "brandid": 1000,
            "appid": "wx931386123456789e",
            "openid": "oUpF8uMuAJOM2pxb1Q",
            "plate_number": "粤B888888",
            "state": "IN",
            "time": "2022-06-01T10:43:39+08:00",
        }
    )


def legacy(wxpay: Wechatpay) -> None:
    """APIv2: XML whose numbers may be text, a query that is signed, words that only text spells."""
    wxpay.v2.mmpaymkttransfers.gethbinfo.post(
        {"mch_billno": "1", "mch_id": "1900000109", "appid": "wxe062425f740d30d8", "bill_type": "MCHT"}, security=True
    ).data["return_code"]
    wxpay.v2.xdc.apiv2getsignkey.sign.getsignkey.post({"mch_id": 1900000109}, nonceless=False)
    wxpay.v2.xdc.apiv2getsignkey.sign.getsignkey({"mch_id": "1900000109"})
    wxpay.v2.sandboxnew.pay.downloadbill.post({"appid": "wx8888", "mch_id": "1", "bill_date": "20140603"})
    print(wxpay.v2.secapi.mch["addInstitutionsub"].post, wxpay.v2.secapi.mch["another-one"].post)
    wxpay.v2.appauth.authindex.get(
        params={
            "mch_id": "1900000109",
            "appid": "wxd678efh567hg6787",
            "redirect_uri": NOTIFY_URL,
            "response_type": "code",
            "scope": "pay_identity",
            "state": "STATE",
        }
    )


async def waited(wxpay: Wechatpay) -> None:
    """Promises are awaited."""
    print((await wxpay.v3.certificates.get_async()).data)
    print((await wxpay.v3.marketing.favor.callbacks.get_async(params={"mchid": "1"})).status)
