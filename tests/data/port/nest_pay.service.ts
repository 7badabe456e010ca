import { Inject, Injectable, InternalServerErrorException, Logger } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { readFileSync } from 'fs';
import { Formatter, Rsa, Wechatpay } from 'wechatpay-axios-plugin';

export interface JsapiParams {
  appId: string;
  paySign: string;
}

@Injectable()
export class PayService {
  private readonly logger = new Logger(PayService.name);
  readonly #privateKey: Buffer;
  private readonly wxpay: Wechatpay;

  constructor(
    private readonly config: ConfigService,
    @Inject('ORDERS') private readonly orders: OrderRepository,
  ) {
    this.#privateKey = readFileSync(this.config.get<string>('WX_KEY')!);
    this.wxpay = new Wechatpay({ // sdk
      mchid: this.config.getOrThrow('WX_MCHID'),
      serial: this.config.getOrThrow('WX_SERIAL'),
      privateKey: this.#privateKey,
      certs: { [this.config.getOrThrow<string>('WX_PUB_ID')]: readFileSync('keys/pub.pem') },
    });
  }

  async jsapi(order: Order, openid: string): Promise<JsapiParams> {
    if (order.paid) {
      throw new InternalServerErrorException('paid');
    }
    const appId = this.config.get<string>('WX_APPID')!;
    try {
      const res = await this.wxpay.v3.pay.transactions.jsapi.post({ // sdk
        appid: appId,
        description: order.title,
        out_trade_no: order.no,
        amount: { total: order.cents, currency: 'CNY' },
        payer: { openid },
      });
      const timeStamp = String(Formatter.timestamp()); // sdk
      const nonceStr = Formatter.nonce(); // sdk
      const pkg = `prepay_id=${res.data.prepay_id}`; // sdk
      return { // sdk
        appId,
        timeStamp,
        nonceStr,
        package: pkg,
        signType: 'RSA',
        paySign: Rsa.sign(Formatter.joinedByLineFeed(appId, timeStamp, nonceStr, pkg), this.#privateKey),
      } as JsapiParams;
    } catch (error) {
      const { response } = error as AxiosError<{ code: string }>; // sdk
      this.logger.error('prepay', error.stack);
      throw new InternalServerErrorException(response?.data?.code); // sdk
    }
  }

  close = async (no: string): Promise<boolean> => {
    const { status } = await this.wxpay.v3.pay.transactions.outTradeNo.$no$.close.post({ mchid: this.config.get('WX_MCHID') }, { no }); // sdk
    return status === 204;
  };
}
