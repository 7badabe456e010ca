// wechatpay-axios-plugin as a contestant; see ../contestant.py. NODE_PATH names the folder that holds it.
'use strict';

const { readFileSync } = require('fs');
const { createInterface } = require('readline');
const { Wechatpay } = require('wechatpay-axios-plugin');

const { entries } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const wxpay = new Wechatpay({
  mchid: entries.mchid,
  serial: entries.serial,
  privateKey: entries.private_key,
  certs: entries.certs,
  baseURL: `${entries.base_url}/`,
  headers: { 'Wechatpay-Serial': Object.keys(entries.certs).find((id) => id.startsWith('PUB_KEY_ID_')) },
});

async function call() {
  const payload = { notify_url: 'https://pay.weixin.qq.com/notify' };
  const { data } = await wxpay.v3.marketing.partner.productCoupon.notifyConfigs.post(payload);
  if (!data.notify_url) throw new Error('no answer');
}

async function main() {
  for await (const line of createInterface({ input: process.stdin })) {
    const processor = process.cpuUsage();
    const clock = process.hrtime.bigint();
    for (let left = Number(line.split(' ')[0]); left > 0; left -= 1) await call();
    const { user, system } = process.cpuUsage(processor);
    console.log((user + system) / 1e6, Number(process.hrtime.bigint() - clock) / 1e9);
  }
}

main();
