import { Module } from '@nestjs/common';
import { Wechatpay } from 'wechatpay-axios-plugin';

export const WXPAY = Symbol('WXPAY');

@Module({
  providers: [
    {
      provide: WXPAY,
      inject: [ConfigService],
      useFactory: (config: ConfigService): Wechatpay => new Wechatpay({ mchid: config.get('mchid'), serial: config.get('serial'), privateKey: config.get('key'), certs: config.get('certs') }), // sdk
    },
    RefundService,
  ],
})
export class RefundModule {}

export class RefundService {
  constructor(@Inject(WXPAY) private readonly pay: Wechatpay) {}

  async refund({ no, cents, total = cents }: RefundRequest): Promise<string | undefined> {
    const body = { out_trade_no: no, out_refund_no: `R${no}`, amount: { refund: cents, total, currency: 'CNY' } };
    return this.pay.v3.refund.domestic.refunds // sdk
      .post(body)
      .then(({ data: { refund_id } }) => refund_id)
      .catch((error) => {
        if (error.response?.status === 404) return undefined;
        throw error;
      });
  }

  async abnormal(id: string, type = 'MERCHANT_BANK_CARD') {
    await this.pay['v3/refund/domestic/refunds/{refund_id}/apply-abnormal-refund'].post({ type }, { refund_id: id }); // sdk
  }
}
