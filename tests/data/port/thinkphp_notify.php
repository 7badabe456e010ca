<?php
namespace app\api\controller;

use think\facade\Request;
use WeChatPay\Formatter;
use WeChatPay\Crypto\{Rsa, AesGcm};

class Notify
{
    public function index()
    {
        $header = Request::header();
        $inBody = file_get_contents('php://input');
        $key = config('wxpay.apiv3_key');
        $platform = Rsa::from(config('wxpay.platform'), Rsa::KEY_TYPE_PUBLIC); // sdk
        $timeOffsetStatus = 300 >= abs(Formatter::timestamp() - (int)$header['wechatpay-timestamp']); // sdk
        $verifiedStatus = Rsa::verify( // sdk guard
            Formatter::joinedByLineFeed($header['wechatpay-timestamp'], $header['wechatpay-nonce'], $inBody),
            $header['wechatpay-signature'],
            $platform
        );
        if ($timeOffsetStatus && $verifiedStatus) {
            $inBodyArray = (array)json_decode($inBody, true);
            ['resource' => [
                'ciphertext'      => $ciphertext,
                'nonce'           => $nonce,
                'associated_data' => $aad
            ]] = $inBodyArray;
            $inBodyResource = AesGcm::decrypt($ciphertext, $key, $nonce, $aad); // sdk
            $order = json_decode($inBodyResource, true);
            Db::name('order')->where('order_no', $order['out_trade_no'])->update(['status' => 1]);
            return json(['code' => 'SUCCESS', 'message' => '成功']);
        }
        return json(['code' => 'FAIL', 'message' => '失败'], 400);
    }
}
