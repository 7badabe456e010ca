<?php

namespace App\Listener;

use Hyperf\HttpServer\Contract\RequestInterface;
use WeChatPay\Crypto\AesGcm;
use WeChatPay\Crypto\Rsa;
use WeChatPay\Formatter;

class NotifyVerifier
{
    public function __construct(private string $apiv3Key, private $platformKey)
    {
    }

    public function handle(RequestInterface $request): array
    {
        [$timestamp] = $request->getHeader('Wechatpay-Timestamp');
        [$nonce] = $request->getHeader('Wechatpay-Nonce');
        [$signature] = $request->getHeader('Wechatpay-Signature');
        $body = (string) $request->getBody();

        $this->assertFresh($timestamp);
        $message = Formatter::response($timestamp, $nonce, $body); // sdk
        Rsa::verify($message, $signature, $this->platformKey) or throw new \RuntimeException('forged'); // sdk guard

        $notice = json_decode($body, true);
        $resource = $notice['resource'];

        return json_decode(AesGcm::decrypt($resource['ciphertext'], $this->apiv3Key, $resource['nonce'], $resource['associated_data']), true); // sdk
    }

    private function assertFresh(string $timestamp): void
    {
        if (abs(Formatter::timestamp() - (int) $timestamp) > Config::TOLERANCE) { // sdk
            throw new \RuntimeException('stale');
        }
    }
}
