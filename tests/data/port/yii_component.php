<?php

namespace app\components;

use Yii;
use yii\base\Component;
use WeChatPay\Builder;
use WeChatPay\Crypto\Hash;
use WeChatPay\Crypto\Rsa;
use WeChatPay\Formatter;
use WeChatPay\Transformer;

class WxPay extends Component
{
    public $mchid;
    public $serial;
    public $secret;
    private $_client;

    public function getClient()
    {
        if (!isset($this->_client)) {
            $this->_client = Builder::factory([ // sdk
                'mchid' => $this->mchid,
                'serial' => $this->serial,
                'privateKey' => Rsa::from('file://' . Yii::getAlias('@app/cert/key.pem')),
                'certs' => ['PUB_KEY_ID_1' => Rsa::from('file://' . Yii::getAlias('@app/cert/pub.pem'), Rsa::KEY_TYPE_PUBLIC)],
                'secret' => $this->secret,
            ]);
        }
        return $this->_client;
    }

    public function unifiedOrder(array $order)
    {
        $response = $this->getClient()->v2->pay->unifiedorder->post(['xml' => [ // sdk
            'appid' => Yii::$app->params['appid'],
            'mch_id' => $this->mchid,
            'body' => $order['title'],
            'out_trade_no' => $order['no'],
            'total_fee' => $order['fee'],
            'trade_type' => 'JSAPI',
            'openid' => $order['openid'],
        ]]);
        $answer = Transformer::toArray((string) $response->getBody()); // sdk
        $params = [ // sdk
            'appId' => Yii::$app->params['appid'],
            'timeStamp' => (string) Formatter::timestamp(),
            'nonceStr' => Formatter::nonce(),
            'package' => 'prepay_id=' . $answer['prepay_id'],
            'signType' => 'HMAC-SHA256',
        ];
        $params['paySign'] = Hash::sign(Hash::ALGO_HMAC_SHA256, Formatter::queryStringLike(Formatter::ksort($params)), $this->secret); // sdk
        return $params;
    }

    public function notify($xml)
    {
        $notice = Transformer::toArray($xml); // sdk
        ['sign' => $sign, 'sign_type' => $type] = $notice;
        $calculated = Hash::sign($type, Formatter::queryStringLike(Formatter::ksort($notice)), $this->secret); // sdk
        if (!Hash::equals($calculated, $sign)) { // sdk
            return Transformer::toXml(['return_code' => 'FAIL', 'return_msg' => 'sign']); // sdk
        }
        $this->trigger('paid', new PaidEvent(['notice' => $notice]));
        return Transformer::toXml(['return_code' => 'SUCCESS', 'return_msg' => 'OK']); // sdk
    }
}
