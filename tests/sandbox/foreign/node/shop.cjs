// A shop on wechatpay-axios-plugin, unchanged but for its base URL. Its configuration comes by standard input; what
// it found goes to standard output, as JSON.
const assert = require('assert');
const { createHash } = require('crypto');
const { once } = require('events');
const http = require('http');
const { Readable } = require('stream');
const { gunzipSync } = require('zlib');
const axios = require('axios').default;
const {
  Wechatpay, Rsa, Aes, Formatter, Hash, Multipart, Transformer,
} = require('wechatpay-axios-plugin');

const APPID = 'wxd678efh567hg6787';
const amount = { total: 100, currency: 'CNY' };

async function read(stream) {
  const blocks = [];
  for await (const block of stream) blocks.push(block);
  return Buffer.concat(blocks).toString();
}

class Receiver {
  constructor() {
    this.waiting = [];
    this.arrived = [];
    this.server = http.createServer(async (request, response) => {
      const notice = { headers: request.headers, body: await read(request) };
      response.end('<xml><return_code>SUCCESS</return_code></xml>');
      const next = this.waiting.shift();
      if (next) next(notice); else this.arrived.push(notice);
    });
  }

  async listen() {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `http://127.0.0.1:${this.server.address().port}/notify`;
  }

  async next() {
    return this.arrived.shift() || new Promise((resolve) => { this.waiting.push(resolve); });
  }
}

function opened({ headers, body }, certs, key) {
  const {
    'wechatpay-timestamp': timestamp, 'wechatpay-nonce': nonce, 'wechatpay-serial': serial, 'wechatpay-signature': signature,
  } = headers;
  assert.ok(Rsa.verify(Formatter.response(timestamp, nonce, body), signature, certs[serial]), 'the notice is not signed');
  assert.ok(!Rsa.verify(Formatter.response(timestamp, nonce, `${body} `), signature, certs[serial]));
  const notice = JSON.parse(body);
  const { nonce: iv, ciphertext, associated_data: associated } = notice.resource;
  return { ...notice, resource: JSON.parse(Aes.AesGcm.decrypt(ciphertext, key, iv, associated)) };
}

async function failed(call) {
  try {
    await call;
  } catch ({ response: { status, data } }) {
    return { status, data };
  }
  throw new Error('it did not fail');
}

(async () => {
  const told = JSON.parse(await read(process.stdin));
  const receiver = new Receiver();
  const notifyUrl = await receiver.listen();
  const { mchid } = told;
  const certs = Object.fromEntries(Object.entries(told.certs).map(([id, pem]) => [id, Rsa.from(pem, Rsa.KEY_TYPE_PUBLIC)]));
  const wxpay = new Wechatpay({
    ...(told.proxy ? {} : { baseURL: told.base_url }), mchid, serial: told.serial, privateKey: told.private_key, certs: { ...certs }, secret: told.secret, merchant: told.merchant,
  });
  const control = (path, fields = {}) => axios.post(`${told.base_url}/_/${path}`, fields, { headers: { 'Content-Type': 'application/json' } });
  const found = {};

  const order = (outTradeNo, more = {}) => ({
    appid: APPID, mchid, description: '书', out_trade_no: outTradeNo, notify_url: notifyUrl, amount, ...more,
  });
  const number = 'axios00000001';
  found.order = (await wxpay.v3.pay.transactions.native.post(order(number))).data;
  const query = (outTradeNo) => wxpay.v3.pay.transactions.outTradeNo.$out_trade_no$.get({ params: { mchid }, out_trade_no: outTradeNo });
  found.unpaid = (await query(number)).data;
  await control(`orders/${number}/pay`);
  found.notice = opened(await receiver.next(), certs, told.apiv3_key);
  found.paid = (await wxpay.v3.pay.transactions.id._transaction_id_.get({
    params: { mchid }, transaction_id: found.notice.resource.transaction_id,
  })).data;
  found.again = await failed(wxpay.v3.pay.transactions.native.post(order(number)));
  found.missing = await failed(query('nobodymade1'));

  const refund = { out_trade_no: number, out_refund_no: `R${number}`, notify_url: notifyUrl, amount: { ...amount, refund: 30 } };
  found.refund = (await wxpay.v3.refund.domestic.refunds.post(refund)).data;
  await control(`refunds/R${number}/SUCCESS`);
  found['refund notice'] = opened(await receiver.next(), certs, told.apiv3_key);
  found.refunded = (await wxpay.v3.refund.domestic.refunds._out_refund_no_.get({ out_refund_no: `R${number}` })).data;

  await wxpay.v3.pay.transactions.jsapi.post(order('axios00000002', { payer: { openid: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o' } }));
  found.closed = (await wxpay.v3.pay.transactions.outTradeNo.$out_trade_no$.close.post({ mchid }, { out_trade_no: 'axios00000002' })).status;
  found.then = (await query('axios00000002')).data;

  found.certificates = (await wxpay.v3.certificates.get()).data.data.map(({ serial_no: serial, encrypt_certificate: sealed }) => (
    [serial, Aes.AesGcm.decrypt(sealed.ciphertext, told.apiv3_key, sealed.nonce, sealed.associated_data)]));

  const image = Buffer.alloc(10000, 7);
  const media = new Multipart()
    .append('meta', JSON.stringify({ filename: 'a.png', sha256: createHash('sha256').update(image).digest('hex') }))
    .append('file', image, 'a.png');
  const options = { meta: media.toJSON(), headers: media.getHeaders() };
  found.upload = (await wxpay.v3.merchant.media.upload.post(media.getBuffer(), options)).data;
  // What is read from a stream has no length, and travels in chunks.
  found.streamed = (await wxpay.v3.merchant.media.upload.post(Readable.from([media.getBuffer()]), options)).data;

  // APIv2
  const v2 = { appid: APPID, mch_id: mchid };
  const v2number = 'axios00000003';
  found['v2 order'] = (await wxpay.v2.pay.unifiedorder.post({
    ...v2, body: '书', out_trade_no: v2number, total_fee: 100, spbill_create_ip: '192.0.2.1', notify_url: notifyUrl, trade_type: 'NATIVE', product_id: '1',
  })).data;
  found['v2 unpaid'] = (await wxpay.v2.pay.orderquery.post({ ...v2, out_trade_no: v2number })).data;
  await control(`orders/${v2number}/pay`);
  const notice = Transformer.toObject((await receiver.next()).body);
  const sign = Hash.sign(notice.sign_type || Hash.ALGO_MD5, notice, Hash.keyObjectFrom(told.secret));
  assert.ok(Hash.equals(sign, notice.sign), 'the notice has another sign');
  found['v2 notice'] = notice;
  found['v2 paid'] = (await wxpay.v2.pay.orderquery.post({ ...v2, transaction_id: notice.transaction_id, sign_type: 'HMAC-SHA256' })).data;
  found['v2 refund'] = (await wxpay.v2.secapi.pay.refund.post({
    ...v2, out_trade_no: v2number, out_refund_no: `R${v2number}`, total_fee: 100, refund_fee: 30, notify_url: notifyUrl,
  }, { security: true })).data;
  await control(`refunds/R${v2number}/SUCCESS`);
  const info = Transformer.toObject((await receiver.next()).body).req_info;
  found['v2 refund notice'] = Transformer.toObject(Aes.AesEcb.decrypt(info, Hash.md5(told.secret)));
  found['v2 refunded'] = (await wxpay.v2.pay.refundquery.post({ ...v2, out_refund_no: `R${v2number}` })).data;
  found.micropay = (await wxpay.v2.pay.micropay.post({
    ...v2, body: '书', out_trade_no: 'axios00000004', total_fee: 100, spbill_create_ip: '192.0.2.1', auth_code: '130000000000000100',
  })).data;
  found.bare = await failed(wxpay.v2.secapi.pay.refund.post({
    ...v2, out_trade_no: v2number, out_refund_no: 'R1', total_fee: 100, refund_fee: 1,
  }, { merchant: undefined }));

  const day = (await control('clock', { advance: 0 })).data.time.slice(0, 10);
  await control('clock', { advance: 36 * 3600 });
  const bill = (await wxpay.v3.bill.tradebill.get({ params: { bill_date: day, bill_type: 'ALL', tar_type: 'GZIP' } })).data;
  const params = Object.fromEntries(new URL(bill.download_url).searchParams);
  const file = (await wxpay.v3.billdownload.file.get({ params, responseType: 'arraybuffer' })).data;
  const csv = gunzipSync(file);
  assert.strictEqual(createHash('sha1').update(csv).digest('hex'), bill.hash_value);
  found.bill = csv.toString();

  receiver.server.close();
  receiver.server.closeAllConnections();
  process.stdout.write(JSON.stringify(found));
})().catch((error) => {
  const { response } = error;
  process.stderr.write(`${error.stack}\n${response ? JSON.stringify([response.status, response.data]) : ''}\n`);
  process.exit(1);
});
