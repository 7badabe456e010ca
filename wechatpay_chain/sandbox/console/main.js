// The page: which section is shown, what is asked of the sandbox each second, and what a click does.
import { ControlError, get, keepToken, path, post, remove } from "./control.js";
import * as details from "./details.js";
import { button, element, find } from "./dom.js";
import { choose, language, say, state, translate } from "./languages.js";
import { List } from "./lists.js";
import { answerForm, faultForm, pushForm } from "./forms.js";
import { inWords } from "./messages.js";
import { settings } from "./settings.js";

const { clockTime, money, badge, wrong } = details;
const MOST = 1000;
// Milliseconds between two looks; a sandbox that answers slowly is asked less often.
const PAUSE = 1000;
const THEME = "wechatpay-sandbox-theme";

const page = { section: "", chosen: "", rows: [], list: null, health: null, shown: "", newest: 0, timer: 0, turn: 0, entered: 0, filters: {} };

// A row's button that opens it.
const open = (label, key) => button(label, () => { location.hash = `${page.section}/${encodeURIComponent(key)}`; }, { class: "open" });
const stamp = (value) => element("span", { title: value ?? "" }, clockTime(value).slice(5, 19));

const SECTIONS = {
  requests: {
    key: (row) => row.id,
    columns: () => [
      { title: say("call"), cell: (row) => open(`${row.method} ${row.target}`, row.id) },
      { title: say("verdict"), cell: verdict },
      { title: say("status"), class: "thin number", cell: (row) => element("span", { class: row.status < 400 ? "good" : "bad" }, row.status) },
      { title: say("time"), class: "narrow wide", cell: (row) => element("span", { title: row.time }, clockTime(row.time).slice(11, 23)) },
    ],
    load: loadRequests,
    title: (row) => `${row.method} ${row.target}`,
    details: async (row) => details.request(await get(path("requests", String(row.id)))),
  },
  orders: {
    key: (row) => row.out_trade_no,
    columns: () => [
      { title: say("number"), cell: (row) => open(row.out_trade_no, row.out_trade_no) },
      { title: say("amount"), class: "narrow number", cell: (row) => money(row.total) },
      { title: say("state"), class: "narrow", cell: (row) => badge(row.trade_state, state(row.trade_state)) },
      { title: say("time"), class: "narrow wide", cell: (row) => stamp(row.create_time) },
      { title: say("actions"), cell: (row) => element("div", { class: "actions" }, details.orderButtons(row, act)) },
    ],
    load: async () => (await get("orders", { limit: MOST })).orders,
    title: (row) => `${say("orders")} ${row.out_trade_no}`,
    details: (row) => details.order(row, act),
  },
  refunds: {
    key: (row) => row.out_refund_no,
    columns: () => [
      { title: say("number"), cell: (row) => open(row.out_refund_no, row.out_refund_no) },
      { title: say("amount"), class: "narrow number", cell: (row) => money(row.amount) },
      { title: say("state"), class: "narrow", cell: (row) => badge(row.status, state(row.status)) },
      { title: say("actions"), cell: (row) => element("div", { class: "actions" }, details.stateButtons(row, row.out_refund_no, act)) },
    ],
    load: async () => (await get("refunds", { limit: MOST })).refunds,
    title: (row) => `${say("refunds")} ${row.out_refund_no}`,
    details: (row) => details.refund(row, act),
  },
  transfers: {
    key: (row) => row.out_bill_no,
    columns: () => [
      { title: say("number"), cell: (row) => open(row.out_bill_no, row.out_bill_no) },
      { title: say("amount"), class: "narrow number", cell: (row) => money(row.amount) },
      { title: say("state"), class: "narrow", cell: (row) => badge(row.state, state(row.state)) },
      { title: say("actions"), cell: (row) => element("div", { class: "actions" }, details.stateButtons(row, row.out_bill_no, act)) },
    ],
    load: async () => (await get("transfers", { limit: MOST })).transfers,
    title: (row) => `${say("transfers")} ${row.out_bill_no}`,
    details: (row) => details.transfer(row, act),
  },
  notices: {
    key: (row) => row.id,
    columns: () => [
      { title: say("event"), cell: (row) => open(row.event_type, row.id) },
      { title: say("receiver"), class: "wide", cell: (row) => row.url },
      { title: say("state"), class: "narrow", cell: (row) => badge(row.state, say(`state.${row.state}`)) },
      { title: say("attempts"), class: "narrow number", cell: (row) => row.attempts.length },
      { title: say("actions"), class: "narrow", cell: (row) =>
        button(say("resend"), () => act("resend", row), { "aria-label": `${say("resend")} ${row.event_type} ${row.id}` }) },
    ],
    load: async () => (await get("notices", { limit: MOST })).notices,
    forms: async () => [pushForm((await get("events")).events, act)],
    title: (row) => row.event_type,
    details: (row) => details.notice(row, act),
  },
  faults: {
    key: (row) => row.id,
    columns: () => [
      { title: say("faultName"), cell: (row) => row.name ?? say("scripted", row.status) },
      { title: say("pathPattern"), cell: (row) => `${row.method} ${row.path}` },
      { title: say("left"), class: "narrow number", cell: (row) => row.left ?? say("always") },
      { title: say("used"), class: "thin number", cell: (row) => row.used },
      { title: say("actions"), class: "narrow", cell: (row) =>
        button(say("remove"), () => act("remove", row), { "aria-label": `${say("remove")} ${row.name ?? row.id}` }) },
    ],
    load: async () => {
      const told = await get("faults");
      return [...told.faults, ...told.answers];
    },
    forms: async () => [faultForm((await get("faults")).names, act), answerForm(act)],
  },
  settings: {},
};

function verdict(row) {
  const shown = row.verdict
    ? element("span", { class: "bad" }, `✗ ${wrong(row)}`)
    : element("span", { class: "good" }, `✓ ${say("right")}`);
  const more = [row.verdict ? "" : row.code, row.fault && say("fault", row.fault), row.is_example && say("example")].filter(Boolean);
  return [shown, more.length ? element("span", { class: "quiet" }, ` ${more.join(" · ")}`) : null];
}

// Only what is newer than the newest row is asked for, as long as nothing was forgotten in between.
async function loadRequests(health) {
  const query = { limit: MOST, ...page.filters };
  const isNew = page.newest === 0 || health.last_request < page.newest;
  if (!isNew && health.last_request === page.newest) return page.rows;
  const { requests } = await get("requests", isNew ? query : { ...query, after: page.newest });
  page.newest = health.last_request;
  const known = isNew ? [] : page.rows;
  const seen = new Set(known.map((row) => row.id));
  return [...requests.filter((row) => !seen.has(row.id)), ...known].slice(0, MOST);
}

const ACTIONS = {
  pay: async (row) => {
    await post(path("orders", row.out_trade_no, "pay"));
    return say("paid", row.out_trade_no);
  },
  close: async (row) => {
    await post(path("orders", row.out_trade_no, "close"));
    return say("closed", row.out_trade_no);
  },
  refund: async (row) => {
    const left = (row.total - row.refunded) / 100;
    const typed = await ask(say("refundHow", row.out_trade_no), say("refund"), say("yuan"), left.toFixed(2));
    if (typed === null) return "";
    await post(path("orders", row.out_trade_no, "refund"), { amount: fen(typed) });
    return say("refunded", row.out_trade_no);
  },
  resend: async (row) => {
    await post(path("notices", row.id, "resend"));
    return say("resent", row.id);
  },
  remove: async (row) => {
    await remove(path("faults", String(row.id)));
    return say("faultsCleared");
  },
  clear: async () => {
    await remove("faults");
    return say("faultsCleared");
  },
  fault: async (fields) => {
    await post("faults", fields);
    return say("faultSet", fields.name);
  },
  answer: async (fields) => {
    const { status } = await post("answers", { ...fields, body: jsonOf(fields.body) });
    return say("answerSet", status);
  },
  push: async ({ resource, ...fields }) => {
    const told = jsonOf(resource);
    if (told !== null && (typeof told !== "object" || Array.isArray(told))) throw badJson(resource);
    const done = await post("push", told === null ? fields : { ...fields, resource: told });
    return done.accepted ? say("pushAccepted", done.id) : say("pushRefused", done.id, done.status || say("noAnswer"));
  },
  clock: async (fields) => {
    const { time } = await post("clock", fields);
    return say("clockMoved", clockTime(time));
  },
  copy: async (shown) => {
    try {
      await navigator.clipboard.writeText(shown);
    } catch {
      return say("notCopied");
    }
    return say("copied");
  },
  reset: async () => {
    if ((await ask(say("resetSure"), say("reset"))) === null) return "";
    await post("reset");
    page.newest = 0;
    return say("resetDone");
  },
};

const badJson = (typed) => new ControlError(400, "PARAM_ERROR", say("badJson", typed.slice(0, 40)));

// What was typed as JSON; null for nothing.
function jsonOf(typed) {
  if (!typed.trim()) return null;
  try {
    return JSON.parse(typed);
  } catch {
    throw badJson(typed);
  }
}

// An amount in yuan as fen, by its digits: 0.29 times 100 is not 29.
function fen(typed) {
  const [, whole, part = ""] = /^(\d{1,9})(?:\.(\d{1,2}))?$/.exec(typed.trim()) ?? [];
  const amount = whole === undefined ? 0 : Number(whole + part.padEnd(2, "0"));
  if (!amount) throw new ControlError(400, "PARAM_ERROR", say("badYuan", typed));
  return amount;
}

async function act(name, row) {
  try {
    const done = ACTIONS[name] ?? turn(name);
    const told = await done(row);
    write("told", told);
    if (told) write("failed", "");
  } catch (error) {
    write("told", "");
    failed(error);
  }
  await look();
}

// A refund or transfer takes the state that its button names.
function turn(name) {
  return async (row) => {
    const where = row.out_refund_no ? ["refunds", row.out_refund_no] : ["transfers", row.out_bill_no];
    await post(path(...where, name));
    return say("turned", where[1], state(name));
  };
}

function write(id, shown) {
  if (find(id).textContent !== shown) find(id).textContent = shown;
}

function failed(error) {
  if (error instanceof ControlError && error.status === 401) return askToken();
  if (error instanceof ControlError && error.status === 0) return write("failed", say("unreachable"));
  if (!(error instanceof ControlError)) console.error(error);
  return write("failed", [error.code, inWords(error.message)].filter(Boolean).join(": "));
}

// The answer to a question: what was typed, "" without a field, null when it was cancelled.
function ask(question, yes, label = "", value = "") {
  const dialog = find("question");
  const field = find("question-field");
  const input = field.querySelector("input");
  find("question-text").textContent = question;
  find("question-yes").textContent = yes;
  field.hidden = !label;
  field.querySelector("span").textContent = label;
  input.value = value;
  dialog.returnValue = "";
  dialog.showModal();
  (label ? input : find("question-no")).focus();
  return new Promise((done) => {
    dialog.addEventListener("close", () => done(dialog.returnValue === "yes" ? (label ? input.value : "") : null), { once: true });
  });
}

async function askToken() {
  if (find("question").open) return;
  const typed = await ask(say("tokenHow"), say("signIn"), say("token"));
  if (typed === null) return;
  keepToken(typed.trim());
  page.section = "";
  show();
}

// One look: the clock, the rows of the section, and what is opened. A later one replaces an earlier that still waits.
async function look() {
  clearTimeout(page.timer);
  page.turn += 1;
  const { turn: own, section } = page;
  const began = performance.now();
  try {
    const health = await get("health");
    if (own !== page.turn) return;
    header(health);
    if (SECTIONS[section].load) {
      const rows = await SECTIONS[section].load(health);
      if (own !== page.turn) return;
      page.rows = rows;
      page.list.caption.textContent = say("listed", rows.length);
      page.list.update(rows, page.chosen);
    }
    await openDetails(own);
    if (find("failed").textContent === say("unreachable")) write("failed", "");
  } catch (error) {
    if (own === page.turn) failed(error);
  }
  if (own === page.turn && isLive()) page.timer = setTimeout(look, Math.max(PAUSE, 10 * (performance.now() - began)));
}

const isLive = () => find("live").getAttribute("aria-pressed") === "true" && !document.hidden;

function header(health) {
  page.health = health;
  write("merchant", say("merchant", health.mchid));
  write("time", clockTime(health.clock.time));
  find("time").dateTime = health.clock.time;
  const { factor } = health.clock;
  write("factor", factor === 1 ? "" : factor === 0 ? say("stands") : say("factor", factor));
}

async function openDetails(own) {
  const { chosen } = page;
  const section = SECTIONS[page.section];
  if (!chosen || !section.details) return closeDetails();
  let row = page.rows.find((each) => String(section.key(each)) === chosen);
  if (!row && page.section === "requests") row = { id: chosen, ...(await get(path("requests", chosen))) };
  const shown = JSON.stringify([page.section, chosen, language(), row]);
  if (shown === page.shown) return undefined;
  const inside = row ? await section.details(row) : [element("p", {}, say("gone"))];
  if (own !== page.turn || chosen !== page.chosen) return undefined;
  const isOther = find("details").dataset.key !== chosen || find("details").hidden;
  const focused = [...find("details").querySelectorAll("button")].indexOf(document.activeElement);
  const heading = element("h2", { id: "details-heading", tabindex: "-1" }, row ? section.title(row) : chosen);
  const back = button(say("back"), leave);
  find("details").replaceChildren(element("p", { class: "actions" }, back), heading, ...inside.flat().filter(Boolean));
  find("details").hidden = false;
  find("details").dataset.key = chosen;
  page.shown = shown;
  const buttons = find("details").querySelectorAll("button");
  if (isOther) heading.focus();
  else if (focused >= 0) (buttons[focused] ?? buttons[0]).focus();
  return undefined;
}

function closeDetails() {
  find("details").hidden = true;
  find("details").replaceChildren();
  page.shown = "";
}

function leave() {
  const { chosen } = page;
  location.hash = page.section;
  closeDetails();
  page.list?.focus(chosen);
}

// An address that somebody typed may have a % of its own.
function decoded(text) {
  try { return decodeURIComponent(text); } catch { return text; }
}

function show() {
  const [section, chosen = ""] = location.hash.slice(1).split("/");
  const next = section in SECTIONS ? section : "requests";
  page.chosen = decoded(chosen);
  if (next !== page.section) enter(next);
  look();
}

function enter(section) {
  page.section = section;
  Object.assign(page, { rows: [], list: null, newest: 0, filters: {} });
  closeDetails();
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${section}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  find("heading").textContent = say(section);
  document.title = `${say(section)} – ${say("page")}`;
  find("filters").replaceChildren(...(section === "requests" ? filters() : []));
  page.entered += 1;
  const { entered } = page;
  const { columns, key, forms } = SECTIONS[section];
  // Whoever has left the section meanwhile gets no form of it.
  forms?.().then((made) => { if (entered === page.entered) find("filters").replaceChildren(...made); }, failed);
  if (columns) {
    const empty = say(`none.${section}`, location.origin);
    page.list = new List({ caption: say("listed", 0), columns: columns(), key, empty });
    find("rows").replaceChildren(page.list.whole);
  } else {
    find("rows").replaceChildren();
    settings(act).then((made) => {
      if (entered === page.entered) find("rows").replaceChildren(...made.filter(Boolean));
    }, failed);
  }
}

// The sandbox itself looks: it has more requests than are shown here.
function filters() {
  const input = (name, label) => element("label", {}, element("span", {}, label), element("input", { name, type: "search", autocomplete: "off" }));
  const choice = element("select", { name: "verdict" }, [["", "show.all"], ["ok", "show.ok"], ["wrong", "show.wrong"]].map(([value, shown]) =>
    element("option", { value }, say(shown))));
  const form = element("form", { class: "fields", onsubmit: (event) => event.preventDefault() },
    input("number", say("number")), input("path", say("pathPattern")), element("label", {}, element("span", {}, say("verdict")), choice));
  let timer = 0;
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const given = Object.fromEntries(new FormData(form));
      page.filters = given;
      page.newest = 0;
      page.list.empty.textContent = Object.values(given).some(Boolean) ? say("none.match") : say("none.requests", location.origin);
      look();
    }, 200);
  });
  return [form];
}

function speak(name) {
  choose(name);
  document.documentElement.lang = name === "zh" ? "zh-CN" : "en";
  translate(document);
  find("language").textContent = name === "zh" ? "English" : "中文";
  find("language").lang = name === "zh" ? "en" : "zh-CN";
  write("told", "");
  page.section = "";
  show();
}

function dress(theme) {
  document.documentElement.dataset.theme = theme;
  localStorage.setItem(THEME, theme);
  find("theme").value = theme;
}

// The token comes behind the address, where no server and no log sees it, and does not stay there.
function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given === null) return;
  keepToken(given);
  history.replaceState(null, "", location.pathname);
}

takeToken();
dress(localStorage.getItem(THEME) ?? "");
find("theme").addEventListener("change", (event) => dress(event.target.value));
find("language").addEventListener("click", () => speak(language() === "zh" ? "en" : "zh"));
find("live").addEventListener("click", () => {
  find("live").setAttribute("aria-pressed", String(find("live").getAttribute("aria-pressed") !== "true"));
  look();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && page.chosen && !find("question").open) leave();
});
document.addEventListener("visibilitychange", () => { if (!document.hidden && isLive()) look(); });
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  find("content").focus();
});
find("question-no").addEventListener("click", () => find("question").close("no"));
addEventListener("hashchange", show);
speak(language());
