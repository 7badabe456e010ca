<?php

namespace App\Http\Controllers;

use Illuminate\Http\Request;
use WeChatPay\Crypto\AesGcm;
use WeChatPay\Crypto\Rsa;
use WeChatPay\Formatter;

class NotifyController extends Controller
{
    public function wechat(Request $request)
    {
        $timestamp = $request->header('Wechatpay-Timestamp');
        $nonce = $request->header('Wechatpay-Nonce');
        $body = $request->getContent();
        $platformKey = Rsa::from('file://' . config('pay.platform_cert'), Rsa::KEY_TYPE_PUBLIC); // sdk
        if (abs(Formatter::timestamp() - (int) $timestamp) > 300) { // sdk
            return response()->json(['code' => 'FAIL'], 401);
        }
        if (!Rsa::verify(Formatter::joinedByLineFeed($timestamp, $nonce, $body), $request->header('Wechatpay-Signature'), $platformKey)) { // sdk guard
            throw new \UnexpectedValueException('bad signature');
        }
        ['resource' => ['ciphertext' => $ciphertext, 'nonce' => $iv, 'associated_data' => $aad]] = json_decode($body, true);
        $order = json_decode(AesGcm::decrypt($ciphertext, config('pay.v3_key'), $iv, $aad), true); // sdk
        if ($order['trade_state'] === 'SUCCESS') {
            Order::where('number', $order['out_trade_no'])->update(['paid_at' => now()]);
        }

        return response()->json(['code' => 'SUCCESS']);
    }
}
