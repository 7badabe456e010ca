<?php

namespace app\commands;

use yii\console\Controller;

class BillController extends Controller
{
    public function actionTrade($date)
    {
        $client = \Yii::$app->wxpay->client;
        $data = json_decode($client->v3->bill->tradebill->get(['query' => ['bill_date' => $date, 'bill_type' => 'ALL']])->getBody(), true); // sdk
        $this->stdout($data['hash_value'] . PHP_EOL);
        foreach (['basic', 'operation'] as $account) {
            $res = $client->chain('v3/bill/fundflowbill')->get(['query' => ['bill_date' => $date, 'account_type' => strtoupper($account)]]); // sdk
            $this->stdout($res->getHeaderLine('Request-ID')); // sdk
        }
        return 0;
    }

    public function actionComplaints()
    {
        $promises = [ // sdk
            'first' => \Yii::$app->wxpay->client->v3->merchantService->complaintsV2->getAsync(['query' => ['begin_date' => date('Y-m-d')]]),
            'second' => \Yii::$app->wxpay->client->v3->merchantService->complaintNotifications->getAsync(),
        ];
        $results = \GuzzleHttp\Promise\Utils::settle($promises)->wait(); // sdk
        return $results['first']['state'] === 'fulfilled' ? 0 : 1;
    }
}
