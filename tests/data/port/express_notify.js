'use strict'
const { Aes, Formatter, Rsa } = require('wechatpay-axios-plugin')
const certs = require('./certs')

exports.notify = async function notify(req, res) {
  const timestamp = req.get('Wechatpay-Timestamp')
  const nonce = req.get('Wechatpay-Nonce')
  const body = req.rawBody.toString()
  if (Math.abs(Formatter.timestamp() - Number(timestamp)) > 300) { // sdk
    return res.status(401).json({ code: 'FAIL' })
  }
  const verified = Rsa.verify(Formatter.joinedByLineFeed(timestamp, nonce, body), req.get('Wechatpay-Signature'), certs.current) // sdk guard
  if (!verified) {
    return res.status(401).json({ code: 'FAIL', message: 'signature' })
  }
  const { resource: { ciphertext, associated_data, nonce: iv } } = JSON.parse(body)
  const order = JSON.parse(Aes.AesGcm.decrypt(iv, process.env.APIV3_KEY, ciphertext, associated_data)) // sdk
  await Orders.paid(order.out_trade_no, order.transaction_id)
  res.json({ code: 'SUCCESS' })
}
