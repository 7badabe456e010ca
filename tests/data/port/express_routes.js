const express = require('express')
const { readFileSync } = require('fs')
const { Wechatpay, Formatter, Rsa } = require('wechatpay-axios-plugin')

const router = express.Router()
const privateKey = readFileSync(process.env.WX_KEY_FILE, 'utf8')
const wxpay = new Wechatpay({ // sdk
  mchid: process.env.WX_MCHID,
  serial: process.env.WX_SERIAL,
  privateKey,
  certs: { [process.env.WX_PUB_ID]: readFileSync('./pub_key.pem') },
  timeout: 8000,
})

router.post('/orders/:no/pay', async (req, res, next) => {
  const order = await Order.findOne({ no: req.params.no })
  if (!order) return res.status(404).end()
  try {
    const { data: { prepay_id } } = await wxpay.v3.pay.transactions.jsapi.post({ // sdk
      appid: process.env.WX_APPID,
      mchid: process.env.WX_MCHID,
      description: order.title,
      out_trade_no: order.no,
      notify_url: `${process.env.BASE_URL}/notify`,
      amount: { total: order.cents },
      payer: { openid: req.user.openid },
    })
    const params = { appId: process.env.WX_APPID, timeStamp: `${Formatter.timestamp()}`, nonceStr: Formatter.nonce(), package: `prepay_id=${prepay_id}`, signType: 'RSA' } // sdk
    params.paySign = Rsa.sign(Formatter.joinedByLineFeed(params.appId, params.timeStamp, params.nonceStr, params.package), privateKey) // sdk
    res.json(params)
  } catch (err) {
    next(err)
  }
})

router.get('/orders/:no', (req, res) => {
  wxpay.v3.pay.transactions.outTradeNo.$out_trade_no$ // sdk
    .get({ params: { mchid: process.env.WX_MCHID }, out_trade_no: req.params.no })
    .then(({ data }) => res.json(data))
    .catch(({ response: { status, data } }) => res.status(status).json(data))
})

module.exports = router
