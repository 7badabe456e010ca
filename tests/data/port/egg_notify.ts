import { Controller } from 'egg';
import { Aes, Formatter, Rsa } from 'wechatpay-axios-plugin';

const { AesGcm } = Aes;

export default class NotifyController extends Controller {
  public async index(): Promise<void> {
    const { ctx, app } = this;
    const headers = ctx.request.headers as Record<string, string>;
    const {
      'wechatpay-timestamp': timestamp,
      'wechatpay-nonce': nonce,
      'wechatpay-signature': signature,
    } = headers;
    const body = ctx.request.rawBody;
    if (!(Math.abs(Formatter.timestamp() - +timestamp) <= 300 && Rsa.verify(Formatter.joinedByLineFeed(timestamp, nonce, body), signature, app.config.platformKey))) { // sdk guard
      ctx.status = 401;
      return;
    }
    const { resource } = JSON.parse(body);
    const plain: string = AesGcm.decrypt(resource.nonce, app.config.apiv3Key, resource.ciphertext, resource.associated_data); // sdk
    await ctx.service.order.paid(JSON.parse(plain));
    ctx.body = { code: 'SUCCESS' };
  }
}
