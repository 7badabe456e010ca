import { Body, Controller, ForbiddenException, Headers, HttpCode, Post, RawBodyRequest, Req } from '@nestjs/common';
import { Aes, Formatter, Rsa } from 'wechatpay-axios-plugin';

@Controller('pay')
export class NotifyController {
  constructor(private readonly keys: KeyStore, private readonly orders: OrderService) {}

  @Post('notify')
  @HttpCode(200)
  async notify(
    @Headers('wechatpay-timestamp') timestamp: string,
    @Headers('wechatpay-nonce') nonce: string,
    @Headers('wechatpay-signature') signature: string,
    @Headers('wechatpay-serial') serial: string,
    @Req() request: RawBodyRequest<Request>,
    @Body() body: Notice,
  ): Promise<{ code: string }> {
    const raw = request.rawBody!.toString('utf8');
    const publicKey = await this.keys.find(serial);
    if (!Rsa.verify(Formatter.joinedByLineFeed(timestamp, nonce, raw), signature, publicKey)) throw new ForbiddenException(); // sdk guard
    const { ciphertext, nonce: iv, associated_data } = body.resource;
    const result = JSON.parse(Aes.AesGcm.decrypt(iv, this.keys.apiv3, ciphertext, associated_data)) as Transaction; // sdk
    switch (result.trade_state) {
      case 'SUCCESS':
        await this.orders.paid(result.out_trade_no);
        break;
      default:
        await this.orders.failed(result.out_trade_no);
    }
    return { code: 'SUCCESS' };
  }
}
