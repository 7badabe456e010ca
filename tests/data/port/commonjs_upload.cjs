const { createReadStream } = require('fs')
const wechat = require('wechatpay-axios-plugin')

const wxpay = new wechat.Wechatpay(require('./merchant.json')) // sdk
const meta = { filename: 'logo.png', sha256: process.argv[3] }
const form = new wechat.Multipart().append('meta', JSON.stringify(meta)).append('file', createReadStream(process.argv[2]), 'logo.png') // sdk

wxpay.v3.merchant.media.upload.post(form, { meta, headers: form.getHeaders() }) // sdk
  .then(({ data: { media_id } }) => console.info(media_id))
  .catch(console.error)

const verbs = ['get', 'delete']
for (const verb of verbs) {
  wxpay.v3.merchantService.complaintNotifications[verb]({}).then(({ status }) => console.info(verb, status)) // sdk
}
