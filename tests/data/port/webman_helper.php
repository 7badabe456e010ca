<?php
namespace support\pay;

use WeChatPay\Builder;
use WeChatPay\Crypto\Rsa;
use GuzzleHttp\Exception\RequestException;

/** Static helper with an array of clients. */
abstract class Pay
{
    protected static array $pool = [];

    public static function of(string $name = 'default')
    {
        return self::$pool[$name] ??= Builder::factory(self::options($name)); // sdk
    }

    private static function options(string $name): array
    {
        $c = config("pay.$name");
        return [ // sdk
            'mchid' => $c['mchid'],
            'serial' => $c['serial'],
            'privateKey' => Rsa::from($c['key']),
            'certs' => array_map(fn ($pem) => Rsa::from($pem, Rsa::KEY_TYPE_PUBLIC), $c['certs']), // sdk
        ];
    }

    public static function refund(array $order, int $cents, ?string $reason = null): ?array
    {
        $json = array_filter(['out_trade_no' => $order['no'], 'out_refund_no' => $order['no'] . '-1', 'reason' => $reason]);
        $json['amount'] = ['refund' => $cents, 'total' => $order['cents'], 'currency' => 'CNY'];
        try {
            return json_decode(static::of()->v3->refund->domestic->refunds->post(compact('json'))->getBody(), true); // sdk
        } catch (RequestException $e) {
            logger()->error($e->getMessage());
            return null;
        }
    }
}
