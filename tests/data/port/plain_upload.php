<?php
use WeChatPay\Crypto\Rsa;
use WeChatPay\Util\MediaUtil;

function upload($instance, string $file): string
{
    $media = new MediaUtil($file); // sdk
    $resp = $instance->v3->merchant->media->upload->post([ // sdk
        'body' => $media->getStream(),
        'headers' => ['Content-Type' => $media->getContentType()],
    ]);
    return json_decode((string) $resp->getBody(), true)['media_id']; // sdk
}

function applyment($instance, array $shop, $platformKey, string $platformId)
{
    $encryptor = static fn (string $text): string => Rsa::encrypt($text, $platformKey); // sdk
    return $instance->chain('v3/applyment4sub/applyment/')->post([ // sdk
        'json' => [
            'business_code' => $shop['code'],
            'contact_info' => [
                'contact_name' => $encryptor($shop['contact']),
                'mobile_phone' => $encryptor($shop['phone']),
            ],
            'id_card_copy' => upload($instance, $shop['copy']),
        ],
        'headers' => ['Wechatpay-Serial' => $platformId],
    ]);
}
