// An order by tenpay, whose addresses are fixed. Its configuration comes by standard input; what it found goes to
// standard output, as JSON.
const Payment = require('tenpay');

async function read(stream) {
  const blocks = [];
  for await (const block of stream) blocks.push(block);
  return Buffer.concat(blocks).toString();
}

(async () => {
  const told = JSON.parse(await read(process.stdin));
  const pay = new Payment({
    appid: 'wxd678efh567hg6787', mchid: told.mchid, partnerKey: told.secret, notify_url: 'http://127.0.0.1:9/notify',
  });
  const found = {};
  found.order = await pay.unifiedOrder({
    out_trade_no: 'tenpay0000001', body: '书', total_fee: 100, trade_type: 'NATIVE', product_id: '1',
  });
  found.unpaid = await pay.orderQuery({ out_trade_no: 'tenpay0000001' });
  found.closed = await pay.closeOrder({ out_trade_no: 'tenpay0000001' });
  process.stdout.write(JSON.stringify(found));
})();
