<?php

declare(strict_types=1);

namespace App\Services;

use App\Models\Order;
use GuzzleHttp\Exception\RequestException;
use Illuminate\Support\Facades\Log;
use WeChatPay\Builder;
use WeChatPay\BuilderChainable;
use WeChatPay\Crypto\Rsa;
use WeChatPay\Formatter;

class PayService
{
    private static ?BuilderChainable $instance = null;

    public function __construct(private array $config)
    {
    }

    public static function client(): BuilderChainable
    {
        if (self::$instance === null) {
            self::$instance = Builder::factory([ // sdk
                'mchid' => config('pay.mchid'),
                'serial' => config('pay.serial'),
                'privateKey' => Rsa::from('file://' . storage_path('pay/key.pem')),
                'certs' => [config('pay.platform_id') => Rsa::from(config('pay.platform_key'), Rsa::KEY_TYPE_PUBLIC)],
            ]);
        }

        return self::$instance;
    }

    public function jsapi(Order $order, string $openid): array
    {
        if ($order->paid_at) {
            throw new \LogicException('already paid');
        }
        $params = [
            'appid' => $this->config['appid'],
            'mchid' => $this->config['mchid'],
            'description' => $order->title,
            'out_trade_no' => $order->number,
            'notify_url' => route('pay.notify'),
            'amount' => ['total' => (int) ($order->total * 100), 'currency' => 'CNY'],
        ];
        $params['payer'] = ['openid' => $openid];
        try {
            $resp = self::client()->v3->pay->transactions->jsapi->post(['json' => $params]); // sdk
            $data = json_decode((string) $resp->getBody(), true); // sdk
        } catch (RequestException $e) {
            Log::error('prepay failed', ['no' => $order->number, 'why' => $e->getMessage()]);
            throw new PayFailed($order);
        }
        $pay = [ // sdk
            'appId' => $this->config['appid'],
            'timeStamp' => (string) Formatter::timestamp(),
            'nonceStr' => Formatter::nonce(),
            'package' => 'prepay_id=' . $data['prepay_id'],
        ];
        $pay += ['paySign' => Rsa::sign(Formatter::joinedByLineFeed(...array_values($pay)), $this->key()), 'signType' => 'RSA']; // sdk

        return $pay;
    }

    private function key()
    {
        return Rsa::from('file://' . storage_path('pay/key.pem'), Rsa::KEY_TYPE_PRIVATE); // sdk
    }
}
