<?php
require __DIR__ . '/vendor/autoload.php';

use WeChatPay\Builder;
use WeChatPay\Crypto\Rsa;

$mchid = '1900000109';
$serial = '3775B6A45ACD588826D15E583A95F5DD00000000';
$key = Rsa::from('file://' . __DIR__ . '/apiclient_key.pem', Rsa::KEY_TYPE_PRIVATE); // sdk
$instance = Builder::factory(['mchid' => $mchid, 'serial' => $serial, 'privateKey' => $key, 'certs' => ['PUB_KEY_ID_1' => Rsa::from('file:///etc/pay/pub.pem', Rsa::KEY_TYPE_PUBLIC)]]); // sdk

if (empty($_POST['openid'])) {
    http_response_code(400);
    exit;
}

try {
    $resp = $instance->chain('v3/pay/transactions/jsapi')->post(['json' => [ // sdk
        'appid' => getenv('APPID'),
        'mchid' => $mchid,
        'description' => 'book',
        'out_trade_no' => uniqid('T'),
        'notify_url' => 'https://shop.example.com/notify.php',
        'amount' => ['total' => 100],
        'payer' => ['openid' => $_POST['openid']],
    ]]);
    echo $resp->getStatusCode(), PHP_EOL; // sdk
    echo $resp->getBody(); // sdk
} catch (\Exception $e) {
    echo $e->getMessage(), PHP_EOL;
    if ($e instanceof \GuzzleHttp\Exception\RequestException && $e->hasResponse()) { // sdk
        $r = $e->getResponse(); // sdk
        echo $r->getStatusCode() . ' ' . $r->getReasonPhrase(), PHP_EOL; // sdk
    }
}
