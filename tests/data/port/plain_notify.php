<?php
use WeChatPay\Crypto\AesGcm;
use WeChatPay\Crypto\Rsa;
use WeChatPay\Formatter;

$headers = getallheaders();
$body = file_get_contents('php://input');
$ok = true;
$publicKey = Rsa::from('file:///etc/pay/pub.pem', Rsa::KEY_TYPE_PUBLIC); // sdk
if (!Rsa::verify(Formatter::joinedByLineFeed($headers['Wechatpay-Timestamp'], $headers['Wechatpay-Nonce'], $body), $headers['Wechatpay-Signature'], $publicKey)) { // sdk guard
    $ok = false;
}
if (!$ok) {
    http_response_code(401);
    die('{"code":"FAIL"}');
}
$notice = json_decode($body);
$resource = $notice->resource;
$text = AesGcm::decrypt($resource->ciphertext, getenv('APIV3_KEY'), $resource->nonce, $resource->associated_data); // sdk
file_put_contents('/var/spool/pay/' . uniqid(), $text);
echo '{"code":"SUCCESS"}';
