<?php

namespace App\Providers;

use Illuminate\Support\Facades\Facade;
use Illuminate\Support\ServiceProvider;
use WeChatPay\Builder;
use WeChatPay\Crypto\Rsa;
use WeChatPay\Util\PemUtil;

class WechatPayServiceProvider extends ServiceProvider
{
    public function register()
    {
        $this->app->singleton('wechatpay', function ($app) {
            $settings = $app['config']->get('services.wechatpay');
            $certificate = 'file://' . $settings['platform_cert'];
            return Builder::factory([ // sdk
                'mchid' => $settings['mchid'],
                'serial' => PemUtil::parseCertificateSerialNo('file://' . $settings['cert']),
                'privateKey' => Rsa::from('file://' . $settings['key']),
                'certs' => [PemUtil::parseCertificateSerialNo($certificate) => Rsa::from($certificate, Rsa::KEY_TYPE_PUBLIC)],
            ]);
        });
    }
}

class WechatPay extends Facade
{
    protected static function getFacadeAccessor()
    {
        return 'wechatpay';
    }
}

function close_order(string $number): bool
{
    $answer = WechatPay::chain("v3/pay/transactions/out-trade-no/{$number}/close")->post(['json' => ['mchid' => config('services.wechatpay.mchid')]]); // sdk
    return $answer->getStatusCode() === 204; // sdk
}

$state = app('wechatpay')->v3->pay->transactions->outTradeNo->_out_trade_no_->get(['query' => ['mchid' => env('MCHID')], 'out_trade_no' => $number]); // sdk
