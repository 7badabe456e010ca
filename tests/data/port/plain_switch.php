<?php
use WeChatPay\BuilderChainable;
use WeChatPay\Formatter;

class Checkout
{
    private BuilderChainable $sdk;

    public function create(string $type, array $body)
    {
        switch ($type) {
            case 'h5':
                $body['scene_info'] = ['payer_client_ip' => $_SERVER['REMOTE_ADDR'], 'h5_info' => ['type' => 'Wap']];
                return $this->sdk->v3->pay->transactions->h5->post(['json' => $body]); // sdk
            case 'app':
                return $this->sdk->v3->pay->transactions->app->post(['json' => $body]); // sdk
            default:
                throw new \InvalidArgumentException($type);
        }
    }

    public function any(string $verb, string $path, array $options = [])
    {
        $method = strtolower($verb) . 'Async';
        return $this->sdk->chain($path)->{$method}($options)->wait(); // sdk
    }

    public function poll(string $number): array
    {
        for ($i = 0; $i < 3; $i++) {
            $res = $this->sdk->v3->pay->transactions->outTradeNo->{'{out_trade_no}'}->get(['out_trade_no' => $number, 'query' => ['mchid' => $this->mchid]]); // sdk
            if ($res->getStatusCode() === 200) { // sdk
                break;
            }
            sleep(1);
        }
        return ['at' => Formatter::timestamp(), 'body' => (string) $res->getBody()]; // sdk
    }
}
