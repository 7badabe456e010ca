// What the control API says, which is English, in Chinese: one pattern for each of its messages.
import { language, state } from "./languages.js";

const REASONS = {
  "it was paid already": "已支付",
  "it is closed": "已关闭",
  "its time_expire is over": "已过支付期限",
  "it was reversed": "已撤销",
  "its payment failed": "支付失败",
  "it was placed for another openid": "下单时指定了其他用户",
  "it is not paid": "未支付",
  "nothing is left": "已全额退款",
  "that is more than is left": "退款金额超过剩余金额",
  "it has as many refunds as an order may have": "退款次数已达上限",
  "it was paid too long ago": "已超过可退款的期限",
  "another refund has this number": "该退款单号已用于另一笔退款",
  "the rest was shared out, unfreeze it first": "余款已分账，请先解冻剩余资金",
  "the last refund of this order was too short ago": "距该订单上一次退款的时间太短",
  "it is a combined order, refund its parts by their numbers": "合单不能整单退款，请按子单号退款",
};
const KINDS = { order: "订单", refund: "退款", transfer: "转账", "PayScore order": "支付分订单", application: "申请单" };
const reason = (words) => REASONS[words] ?? words;

const QUOTED = `(?:'|")(.*?)(?:'|")`;
const PATTERNS = [
  [`${QUOTED} is not there`, (name) => `没有找到“${name}”`],
  [`(order|refund|transfer|PayScore order|application) ${QUOTED} is not there: .*`, (kind, number) => `没有${KINDS[kind]}“${number}”，请先创建`],
  [`order ${QUOTED} is paid by a code: it is reversed, and cannot be closed`, (number) => `订单 ${number} 为付款码支付，只能撤销，不能关闭`],
  [`order ${QUOTED} cannot be (?:paid|refunded): (.*)`, (number, why) => `订单 ${number} 不能操作：${reason(why)}`],
  [`order ${QUOTED} is (\\w+): it cannot be closed`, (number, now) => `订单 ${number} 为“${state(now)}”，不能关闭`],
  [`refund ${QUOTED} is (\\w+), which cannot become ${QUOTED}`, (number, now, next) => `退款 ${number} 为“${state(now)}”，不能变为“${state(next)}”`],
  [`transfer ${QUOTED} is (\\w+), which cannot become ${QUOTED}`, (number, now, next) => `转账 ${number} 为“${state(now)}”，不能变为“${state(next)}”`],
  ["amount: expected fen from 1 on, found (.*)", (found) => `金额应为大于零的整数（分），收到 ${found}`],
  [`name: ${QUOTED} is no fault; expected (.*), or an error code of WeChat Pay`, (found, names) => `没有故障“${found}”，应为 ${names}，或微信支付的错误码`],
  ["name: missing; expected (.*), or an error code", (names) => `缺少故障名，应为 ${names}，或微信支付的错误码`],
  [`when: (\\w+) comes (before|after) the work, found .*`, (name, when) => `${name} 只能发生在处理${when === "after" ? "之后" : "之前"}`],
  ["rate: expected 0 to 1, or a percentage such as 5%, found (.*)", (found) => `比例应为 0 到 100%，收到 ${found}`],
  ["seconds: expected 0 to (\\d+), found (.*)", (most, found) => `秒数应为 0 到 ${most}，收到 ${found}`],
  ["method: expected a method or \\*, found (.*)", (found) => `方法应为请求方法或 *，收到 ${found}`],
  ["path: expected a path such as (\\S+), without a query, found (.*)", (such, found) => `路径应形如 ${such}，不带查询参数，收到 ${found}`],
  ["path: expected at most (\\d+) characters, found (\\d+)", (most, found) => `路径最多 ${most} 个字符，收到 ${found} 个`],
  ["path: \\{name\\} stands for a whole segment, found (.*)", (found) => `{name} 应为路径的一整段，收到 ${found}`],
  ["body: an answer of status (\\d+) has none", (status) => `状态码为 ${status} 的应答没有内容`],
  ["the body has half of a character, .*", () => "内容含有不完整的字符"],
  ["times: expected 1 or more, or None for ever, found (.*)", (found) => `次数应为 1 以上，空为一直，收到 ${found}`],
  ["status: expected 200 to 599, found (.*)", (found) => `状态码应为 200 到 599，收到 ${found}`],
  [`event_type: ${QUOTED} has no example, so pass a resource(?:; did you mean (.*)\\?)?`, (found, close) =>
    `事件“${found}”没有示例，请填写通知内容${close ? `；是否为 ${close}？` : ""}`],
  ["notify_url: expected an http address, found (.*)", (found) => `接收地址应为 http 地址，收到 ${found}`],
  ["notify_url: WeChat Pay takes no query string, found (.*)", (found) => `接收地址不能带查询参数，收到 ${found}`],
  ["(?:factor|time|seconds): expected a number from (\\S+) to (\\S+), found (.*)", (least, most, found) => `应为 ${least} 到 ${most} 的数字，收到 ${found}`],
  [`time: expected (\\S+), found (.*)`, (such, found) => `时间应形如 ${such}，收到 ${found}`],
].map(([text, told]) => [new RegExp(`^${text}$`, "s"), told]);

// An error of the control API in the page's language; what is not known here stays as it is.
export function inWords(message) {
  if (language() !== "zh") return message;
  for (const [pattern, told] of PATTERNS) {
    const found = pattern.exec(message);
    if (found) return told(...found.slice(1));
  }
  return message;
}
