<?php
namespace app\service;

use WeChatPay\Crypto\Rsa;
use GuzzleHttp\Exception\ServerException;
use GuzzleHttp\Exception\RequestException;

class Transfer extends BaseService
{
    public $instance;

    public function batch(array $users, string $batchNo)
    {
        $details = [];
        $total = 0;
        foreach ($users as $i => $user) {
            $total += $user['amount'];
            $details[] = [ // sdk
                'out_detail_no' => $batchNo . $i,
                'transfer_amount' => $user['amount'],
                'openid' => $user['openid'],
                'user_name' => Rsa::encrypt($user['name'], $this->platformKey),
            ];
        }
        if ($total > 100000) {
            throw new \DomainException('too much');
        }
        try {
            $res = $this->instance->v3->transfer->batches->post([ // sdk
                'json' => [
                    'appid' => $this->appid,
                    'out_batch_no' => $batchNo,
                    'total_amount' => $total,
                    'total_num' => count($details),
                    'transfer_detail_list' => $details,
                ],
                'headers' => ['Wechatpay-Serial' => $this->platformId],
            ]);
        } catch (ServerException $e) {
            return $this->retryLater($batchNo);
        } catch (RequestException $e) {
            return $e->hasResponse() ? $e->getResponse()->getStatusCode() : 0; // sdk
        }
        return json_decode((string)$res->getBody(), true)['batch_id']; // sdk
    }

    public function query(string $batchNo): array
    {
        $path = sprintf('v3/transfer/batches/out-batch-no/%s', $batchNo);
        return json_decode((string)$this->instance->chain($path)->get(['query' => ['need_query_detail' => 'false']])->getBody(), true); // sdk
    }
}
