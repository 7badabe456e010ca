<?php
// wechatpay-php as a contestant; see ../contestant.py. PHP_SDK names the folder that holds its vendor/autoload.php.
declare(strict_types=1);

require getenv('PHP_SDK') . '/vendor/autoload.php';

use WeChatPay\Builder;
use WeChatPay\Crypto\Rsa;

['entries' => $entries, 'ca' => $ca] = json_decode(file_get_contents($argv[1]), true);
$ids = array_filter(array_keys($entries['certs']), static fn ($id) => str_starts_with((string) $id, 'PUB_KEY_ID_'));
$id = reset($ids);
$client = Builder::factory([
    'mchid' => $entries['mchid'],
    'serial' => $entries['serial'],
    'privateKey' => Rsa::from($entries['private_key'], Rsa::KEY_TYPE_PRIVATE),
    'certs' => [$id => Rsa::from($entries['certs'][$id], Rsa::KEY_TYPE_PUBLIC)],
    'base_uri' => $entries['base_url'] . '/',
    'verify' => $ca ?? true,
    'headers' => ['Wechatpay-Serial' => $id],
]);

function processor(): float
{
    $used = getrusage();
    return $used['ru_utime.tv_sec'] + $used['ru_stime.tv_sec']
        + ($used['ru_utime.tv_usec'] + $used['ru_stime.tv_usec']) / 1e6;
}

while (($line = fgets(STDIN)) !== false) {
    $before = processor();
    $clock = hrtime(true);
    for ($left = (int) $line; $left > 0; $left--) {
        $answer = $client->v3->marketing->partner->productCoupon->notifyConfigs->post([
            'json' => ['notify_url' => 'https://pay.weixin.qq.com/notify'],
        ]);
        if (!json_decode((string) $answer->getBody(), true)['notify_url']) {
            exit('no answer');
        }
    }
    printf("%.9f %.9f\n", processor() - $before, (hrtime(true) - $clock) / 1e9);
}
