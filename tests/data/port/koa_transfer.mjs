import { Wechatpay as Client, Rsa } from 'wechatpay-axios-plugin'
import * as fs from 'node:fs'
import config from './config.js'

const clients = new Map()

export const clientOf = (mchid) => {
  let client = clients.get(mchid)
  if (!client) {
    client = new Client({ mchid, serial: config[mchid].serial, privateKey: fs.readFileSync(config[mchid].key), certs: config[mchid].certs }) // sdk
    clients.set(mchid, client)
  }
  return client
}

export async function transfer(ctx) {
  const { openid, cents, name } = ctx.request.body
  const wechat = clientOf(ctx.state.mchid)
  const sealed = Rsa.encrypt(name, config.platformKey) // sdk
  const { status, data } = await wechat.v3.fundApp.mchTransfer.transferBills.post({ // sdk
    appid: config.appid,
    out_bill_no: ctx.state.id,
    openid,
    user_name: sealed,
    transfer_amount: cents,
  }, { headers: { 'Wechatpay-Serial': config.platformId } })
  ctx.status = status
  ctx.body = data
}

export const cancel = async ({ params: { no } }) => (await clientOf(config.mchid).chain(`v3/fund-app/mch-transfer/transfer-bills/out-bill-no/${no}/cancel`).post({})).data // sdk
