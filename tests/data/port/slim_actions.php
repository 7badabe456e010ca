<?php

use DI\Container;
use Psr\Http\Message\ResponseInterface as Response;
use Psr\Http\Message\ServerRequestInterface as Request;
use Slim\Factory\AppFactory;
use WeChatPay\Builder;
use WeChatPay\Crypto\AesGcm;
use WeChatPay\Crypto\Rsa;
use WeChatPay\Formatter;

$container = new Container();
$container->set('wxpay', fn () => Builder::factory(require __DIR__ . '/wxpay.php')); // sdk
AppFactory::setContainer($container);
$app = AppFactory::create();

$app->post('/pay/{no}', function (Request $request, Response $response, array $args) {
    $wxpay = $this->get('wxpay');
    $order = $this->get('orders')->find($args['no']);
    $answer = $wxpay->v3->pay->transactions->native->post(['json' => [ // sdk
        'out_trade_no' => $order->no,
        'amount' => ['total' => $order->cents],
    ] + $this->get('settings')['merchant']]);
    $response->getBody()->write((string) $answer->getBody()); // sdk
    return $response->withStatus($answer->getStatusCode()); // sdk
});

$app->post('/notify', function (Request $request, Response $response) {
    $body = (string) $request->getBody();
    $verified = Rsa::verify( // sdk guard
        Formatter::joinedByLineFeed($request->getHeaderLine('Wechatpay-Timestamp'), $request->getHeaderLine('Wechatpay-Nonce'), $body),
        $request->getHeaderLine('Wechatpay-Signature'),
        $this->get('platform_key')
    );
    return $verified === true // sdk
        ? $this->get('notices')->handle(AesGcm::decrypt(...resource($body)), $response)
        : $response->withStatus(401);
});

$app->run();
