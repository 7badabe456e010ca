// What is known of one request, order, refund, transfer or notice, and what can be done with it.
import { button, element, pretty, terms, text } from "./dom.js";
import { difference, marked } from "./difference.js";
import { language, say, state } from "./languages.js";

export const money = (fen) => (Number.isInteger(fen) ? `¥${(fen / 100).toFixed(2)}` : "");
export const clockTime = (stamp) => (stamp ? stamp.replace("T", " ").replace(/([+-]\d\d:\d\d|Z)$/, "") : "");

// What is wrong with a signature, in the page's language: WeChat Pay's own text is Chinese.
export const wrong = (row) => (language() === "zh" || !row.cause ? row.verdict : [row.code, row.cause].filter(Boolean).join(": "));

const GOOD = ["SUCCESS", "accepted"];
const BAD = ["ABNORMAL", "FAIL", "PAYERROR", "given up"];

export const badge = (name, shown) =>
  element("span", { class: GOOD.includes(name) ? "good" : BAD.includes(name) ? "bad" : "waiting" }, shown);

export function request(row) {
  const answer = row.answer ?? { status: row.status, headers: {}, body: "" };
  return [
    terms([
      [say("time"), clockTime(row.time)],
      [say("verdict"), row.verdict ? element("span", { class: "bad" }, wrong(row)) : element("span", { class: "good" }, say("right"))],
      [say("status"), `${answer.status} ${row.code ?? ""}`],
      [say("duration"), row.milliseconds === undefined ? "" : say("milliseconds", row.milliseconds)],
      [say("fault", ""), row.fault],
    ]),
    signature(row),
    element("h3", {}, say("body")),
    text(pretty(row.body) || say("emptyBody"), say("body")),
    row.form ? [element("h3", {}, say("form")), text(JSON.stringify(row.form, null, 2), say("form"))] : null,
    element("h3", {}, say("answer")),
    text(pretty(answer.body) || say("emptyBody"), say("answerBody")),
    folded(say("answerHeaders"), headers(answer.headers)),
    folded(say("headers"), headers(row.headers)),
  ].flat();
}

// The two texts side by side for a signature that does not hold; the signed one alone for one that does.
function signature(row) {
  const found = row.signature;
  if (!found) return null;
  if (!row.verdict) return found.expected ? folded(say("signedText"), text(found.expected, say("signedText"))) : null;
  const cause = language() === "zh" || !found.cause ? found.message : found.cause;
  const shown = [element("h3", {}, say("difference"))];
  if (cause) shown.push(element("p", { id: "cause" }, found.differs ? element("strong", {}, `${found.differs}: `) : null, cause));
  if (found.expected === null || found.expected === undefined) return shown;
  if (found.signed === null || found.signed === undefined) {
    return [...shown, column(say("expected"), text(found.expected, say("expected"))), element("p", { class: "quiet" }, say("unknownText"))];
  }
  const between = difference(found.expected, found.signed);
  return [
    ...shown,
    between.isSame ? null : element("p", { id: "first" }, say("first", between.line, between.column)),
    element("div", { class: "texts" },
      column(say("expected"), marked(between.expected, say("nothing"), say("expected"))),
      column(say("signed"), marked(between.signed, say("nothing"), say("signed")))),
  ];
}

const column = (title, box) => element("div", {}, element("h4", {}, title), box);
const folded = (title, ...inside) => element("details", {}, element("summary", {}, title), ...inside);
const headers = (all) => terms(Object.entries(all ?? {}));

export function order(row, act) {
  return [
    element("div", { class: "actions" }, orderButtons(row, act)),
    code(row),
    terms([
      [say("state"), badge(row.trade_state, `${state(row.trade_state)} ${row.trade_state}`)],
      [say("amount"), money(row.total)],
      [say("refundedSoFar"), row.refunded ? money(row.refunded) : ""],
      [say("description"), row.description],
      [say("transaction"), row.transaction_id],
      [say("combined"), row.combine_out_trade_no],
      [say("created"), clockTime(row.create_time)],
      [say("expires"), row.trade_state === "NOTPAY" ? clockTime(row.expire_time) : ""],
      [say("notify"), row.notify_url],
      ["API", `${row.api ?? ""} ${row.way ?? ""}`],
    ]),
  ];
}

export const orderButtons = (row, act) => (row.actions ?? []).map((name) =>
  button(say(name), () => act(name, row), { class: name === "pay" ? "main" : undefined, "aria-label": `${say(name)} ${row.out_trade_no}` }));

// What a payer scans; a link to the same page where no picture can be drawn.
function code(row) {
  const address = row.code_url ?? row.pay_url;
  if (!address || row.trade_state !== "NOTPAY") return null;
  const picture = element("img", {
    class: "code-picture", alt: say("code", address), src: `/_/console/qrcode.svg?${new URLSearchParams({ text: address })}`,
  });
  picture.addEventListener("error", () => picture.replaceWith(element("p", { class: "quiet" }, say("noCode"))));
  const link = row.pay_url ? element("a", { href: new URL(row.pay_url).pathname + new URL(row.pay_url).search, target: "_blank", rel: "noopener" }, say("payPage")) : null;
  return element("div", { class: "code-box" }, picture, element("p", {}, element("code", {}, address), " ", link));
}

export function refund(row, act) {
  return [
    element("div", { class: "actions" }, stateButtons(row, row.out_refund_no, act)),
    terms([
      [say("state"), badge(row.status, `${state(row.status)} ${row.status}`)],
      [say("amount"), `${money(row.amount)} / ${money(row.total)}`],
      [say("orders"), row.out_trade_no],
      ["refund_id", row.refund_id],
      [say("reason"), row.reason],
      [say("created"), clockTime(row.create_time)],
      ["success_time", clockTime(row.success_time)],
    ]),
  ];
}

export function transfer(row, act) {
  return [
    element("div", { class: "actions" }, stateButtons(row, row.out_bill_no, act)),
    terms([
      [say("state"), badge(row.state, `${state(row.state)} ${row.state}`)],
      [say("amount"), money(row.amount)],
      [say("payer"), row.openid],
      [say("remark"), row.remark],
      [say("reason"), row.fail_reason],
      ["transfer_bill_no", row.transfer_bill_no],
      [say("created"), clockTime(row.create_time)],
    ]),
  ];
}

export const stateButtons = (row, number, act) => (row.actions ?? []).map((name) =>
  button(state(name), () => act(name, row), { "aria-label": `${state(name)} ${number}`, title: name }));

export function notice(row, act) {
  const tries = row.attempts.map((each) => element("tr", {},
    element("td", {}, clockTime(each.at)),
    element("td", { class: each.status >= 200 && each.status < 300 ? "good" : "bad" }, each.status || say("noAnswer")),
    element("td", {}, each.told)));
  return [
    element("div", { class: "actions" }, button(say("resend"), () => act("resend", row), { class: "main" })),
    terms([
      [say("state"), badge(row.state, say(`state.${row.state}`))],
      [say("receiver"), row.url],
      [say("created"), clockTime(row.create_time)],
      [say("due"), clockTime(row.due)],
    ]),
    element("table", {}, element("caption", {}, say("attempts")), element("thead", {}, element("tr", {},
      element("th", { scope: "col" }, say("time")), element("th", { scope: "col", class: "thin" }, say("status")), element("th", { scope: "col" }, say("answer")))),
    element("tbody", {}, tries)),
    element("h3", {}, say("resource")),
    text(JSON.stringify(row.resource, null, 2), say("resource")),
  ];
}
