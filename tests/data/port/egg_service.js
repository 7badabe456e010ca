'use strict';

const Service = require('egg').Service;
const { Wechatpay, Hash, Formatter, Transformer } = require('wechatpay-axios-plugin');

class PayService extends Service {
  get client() {
    if (!this.app.wxpay) {
      this.app.wxpay = new Wechatpay(this.config.wxpay); // sdk
    }
    return this.app.wxpay;
  }

  async micropay(order, authCode) {
    const { ctx, config } = this;
    const res = await this.app.wxpay.v2.pay.micropay({ // sdk
      appid: config.wxpay.appid,
      mch_id: config.wxpay.mchid,
      nonce_str: Formatter.nonce(),
      body: order.title,
      out_trade_no: order.no,
      total_fee: order.cents,
      spbill_create_ip: ctx.ip,
      auth_code: authCode,
    });
    ctx.logger.info('micropay %j', res.data); // sdk
    return res.data; // sdk
  }

  async h5Params(prepayId) {
    const params = { appId: this.config.wxpay.appid, timeStamp: String(Formatter.timestamp()), nonceStr: Formatter.nonce(), package: 'prepay_id=' + prepayId, signType: 'MD5' }; // sdk
    params.paySign = Hash.sign('MD5', params, this.config.wxpay.secret); // sdk
    return params;
  }

  async reply(ok) {
    return Transformer.toXml({ return_code: ok ? 'SUCCESS' : 'FAIL' }); // sdk
  }

  async settle(numbers) {
    const answers = await Promise.all(numbers.map(no => this.app.wxpay.v3.pay.transactions.outTradeNo[no].get({ params: { mchid: this.config.wxpay.mchid } }))); // sdk
    return answers[0].status; // sdk
  }
}

module.exports = PayService;
