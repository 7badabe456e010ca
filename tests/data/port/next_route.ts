import { NextResponse } from 'next/server';
import { Rsa, Formatter, Aes, Wechatpay } from 'wechatpay-axios-plugin';

let cached: Wechatpay | null = null;

function client(): Wechatpay {
  if (cached === null) {
    cached = new Wechatpay({ // sdk
      mchid: process.env.MCHID!,
      serial: process.env.SERIAL!,
      privateKey: process.env.PRIVATE_KEY!.replace(/\\n/g, '\n'),
      certs: { [process.env.PUB_ID!]: process.env.PUB_KEY! },
      baseURL: process.env.WX_BASE || 'https://api.mch.weixin.qq.com/',
    });
  }
  return cached;
}

export async function POST(request: Request) {
  const raw = await request.text();
  const signed = Formatter.joinedByLineFeed(request.headers.get('wechatpay-timestamp')!, request.headers.get('wechatpay-nonce')!, raw); // sdk
  try {
    if (!Rsa.verify(signed, request.headers.get('wechatpay-signature')!, process.env.PUB_KEY!)) { // sdk guard
      return NextResponse.json({ code: 'FAIL' }, { status: 401 });
    }
  } catch {
    return NextResponse.json({ code: 'FAIL' }, { status: 400 });
  }
  const { resource } = JSON.parse(raw);
  const order = JSON.parse(Aes.AesGcm.decrypt(resource.nonce, process.env.APIV3!, resource.ciphertext, resource.associated_data)); // sdk
  await prisma.order.update({ where: { no: order.out_trade_no }, data: { paid: true } });
  return NextResponse.json({ code: 'SUCCESS' });
}

export async function GET(request: Request) {
  const no = new URL(request.url).searchParams.get('no') ?? '';
  const answer = await client().chain('v3/pay/transactions/out-trade-no/{no}').get({ no, params: { mchid: process.env.MCHID } }); // sdk
  return NextResponse.json(answer.data, { status: answer.status }); // sdk
}
