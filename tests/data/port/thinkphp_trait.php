<?php
namespace app\common\traits;

use WeChatPay\Builder;
use WeChatPay\Crypto\Rsa;
use WeChatPay\Formatter;

trait WechatPayTrait
{
    protected $wechatpay;

    protected function initWechatpay($config)
    {
        $this->wechatpay = Builder::factory([ // sdk
            'mchid'      => $config['mch_id'],
            'serial'     => $config['serial_no'],
            'privateKey' => Rsa::from($config['private_key'], Rsa::KEY_TYPE_PRIVATE),
            'certs'      => [$config['public_key_id'] => Rsa::from($config['public_key'], Rsa::KEY_TYPE_PUBLIC)],
        ]);
        return $this;
    }

    public function nativePay($orderNo, $money, $body = '')
    {
        $data['appid'] = $this->config['app_id'];
        $data['mchid'] = $this->config['mch_id'];
        $data['description'] = $body ?: '订单';
        $data['out_trade_no'] = $orderNo;
        $data['amount']['total'] = intval($money * 100);
        try {
            $resp = $this->wechatpay // sdk
                ->chain('v3/pay/transactions/native')
                ->post(['json' => $data]);
            $result = json_decode($resp->getBody(), true); // sdk
            return ['code' => 1, 'url' => $result['code_url']];
        } catch (\Exception $e) {
            if ($e instanceof \GuzzleHttp\Exception\RequestException && $e->hasResponse()) { // sdk
                $r = $e->getResponse(); // sdk
                return ['code' => 0, 'msg' => $r->getStatusCode() . ' ' . $r->getReasonPhrase()]; // sdk
            }
            return ['code' => 0, 'msg' => $e->getMessage()];
        }
    }

    public function appParams($prepayId)
    {
        $timestamp = (string)Formatter::timestamp(); // sdk
        $nonce = Formatter::nonce(); // sdk
        return [ // sdk
            'appid' => $this->config['app_id'],
            'partnerid' => $this->config['mch_id'],
            'prepayid' => $prepayId,
            'package' => 'Sign=WXPay',
            'noncestr' => $nonce,
            'timestamp' => $timestamp,
            'sign' => Rsa::sign(Formatter::joinedByLineFeed($this->config['app_id'], $timestamp, $nonce, $prepayId), $this->privateKey),
        ];
    }
}
