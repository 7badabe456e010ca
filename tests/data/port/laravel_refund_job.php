<?php

namespace App\Jobs;

use GuzzleHttp\Exception\ClientException;
use Illuminate\Contracts\Queue\ShouldQueue;
use WeChatPay\BuilderChainable;

final class RefundOrder implements ShouldQueue
{
    public function __construct(private readonly int $orderId)
    {
    }

    public function handle(BuilderChainable $pay): void
    {
        $order = Order::findOrFail($this->orderId);
        if ($order->refunded) {
            return;
        }
        DB::transaction(function () use ($order, $pay) {
            $order->lockForUpdate();
            try {
                $response = $pay->chain('v3/refund/domestic/refunds')->post(['json' => [ // sdk
                    'out_trade_no' => $order->number,
                    'out_refund_no' => 'R' . $order->number,
                    'amount' => ['refund' => $order->cents, 'total' => $order->cents, 'currency' => 'CNY'],
                ]]);
                $result = json_decode($response->getBody()->getContents()); // sdk
                $order->refund_id = $result->refund_id;
            } catch (ClientException $e) {
                $error = json_decode((string) $e->getResponse()->getBody(), true); // sdk
                if ($error['code'] === 'NOT_ENOUGH') {
                    $this->release(3600);
                    return;
                }
                throw $e;
            }
        });
    }
}
