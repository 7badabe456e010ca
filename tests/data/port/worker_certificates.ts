import { Aes, Formatter, Rsa, Wechatpay } from 'wechatpay-axios-plugin';

type Certificate = { serial_no: string; encrypt_certificate: { ciphertext: string; nonce: string; associated_data: string } };

export class CertificateWorker {
  private static shared?: CertificateWorker;
  private timer?: NodeJS.Timeout;

  private constructor(private readonly wxpay: Wechatpay, private readonly secret: string) {}

  static start(wxpay: Wechatpay): CertificateWorker {
    return (CertificateWorker.shared ??= new CertificateWorker(wxpay, process.env.APIV3_KEY ?? ''));
  }

  public async refresh(): Promise<Map<string, string>> {
    const { data: { data: certificates } } = await this.wxpay.v3.certificates.get(); // sdk
    const found = new Map<string, string>();
    for (const each of certificates as Certificate[]) {
      const { ciphertext, nonce, associated_data } = each.encrypt_certificate;
      found.set(each.serial_no, Aes.AesGcm.decrypt(nonce, this.secret, ciphertext, associated_data)); // sdk
    }
    return found;
  }

  public authorization(method: string, path: string, body = ''): string {
    const [timestamp, nonce] = [Formatter.timestamp(), Formatter.nonce()]; // sdk
    const signature = Rsa.sign(Formatter.request(method, path, timestamp, nonce, body), process.env.KEY as string); // sdk
    return Formatter.authorization(process.env.MCHID!, nonce, signature, timestamp, process.env.SERIAL!); // sdk
  }
}
