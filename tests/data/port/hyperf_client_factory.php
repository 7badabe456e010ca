<?php

declare(strict_types=1);

namespace App\Pay;

use Hyperf\Contract\ConfigInterface;
use Hyperf\Guzzle\HandlerStackFactory;
use Psr\Container\ContainerInterface;
use WeChatPay\Builder;
use WeChatPay\BuilderChainable;
use WeChatPay\Crypto\Rsa;

final class ClientFactory
{
    /** @var array<string, BuilderChainable> */
    private array $clients = [];

    private BuilderChainable $default;

    public function __invoke(ContainerInterface $container): BuilderChainable
    {
        $config = $container->get(ConfigInterface::class)->get('wechat_pay');
        $this->default = Builder::factory([ // sdk
            'mchid' => $config['mchid'],
            'serial' => $config['serial'],
            'privateKey' => Rsa::from($config['private_key']),
            'certs' => [$config['public_key_id'] => Rsa::from($config['public_key'], Rsa::KEY_TYPE_PUBLIC)],
            'secret' => $config['secret'] ?? '',
            'timeout' => 5,
        ]);
        return $this->default;
    }

    public function micropay(string $authCode, array $order)
    {
        $promise = $this->default->v2->pay->micropay->postAsync(['xml' => [ // sdk
            'appid' => $order['appid'],
            'mch_id' => $order['mchid'],
            'body' => $order['title'],
            'out_trade_no' => $order['no'],
            'total_fee' => $order['cents'],
            'auth_code' => $authCode,
        ]])->then(static function ($response) {
            return \WeChatPay\Transformer::toArray((string) $response->getBody());
        })->otherwise(static fn ($e) => ['return_code' => 'FAIL', 'return_msg' => $e->getMessage()]);

        return $promise->wait(); // sdk
    }

    public function certificates(): int
    {
        return $this->default->v3->certificates->getAsync()->then(fn ($r) => $r->getStatusCode())->wait(); // sdk
    }
}
