// The forms of the clock, and the configuration.
import { get } from "./control.js";
import { button, element, field, terms, text } from "./dom.js";
import { say } from "./languages.js";

// All of the last section; it is made when it is entered, and does not change by itself.
export async function settings(act) {
  const [configuration, { snippets }] = await Promise.all([get("configuration"), get("snippets")]);
  const { environment = {}, files = {}, ...values } = configuration;
  return [
    element("h3", {}, say("moveClock")),
    clockForms(act),
    element("h3", {}, say("configuration")),
    terms(Object.entries(values).map(([name, value]) => [name, value === null || value === "" ? "" : element("code", {}, value)])),
    Object.keys(files).length ? terms(Object.entries(files).map(([name, value]) => [name, element("code", {}, value)])) : null,
    copyable(say("environment"), Object.entries(environment).map(([name, value]) => `export ${name}=${quoted(value)}`).join("\n"), act),
    element("h3", {}, say("snippets")),
    ...snippets.map(({ title, text: shown }) => copyable(title, shown, act)),
    element("h3", {}, say("reset")),
    element("p", {}, button(say("reset"), () => act("reset"), { id: "reset" })),
  ];
}

// As a POSIX shell reads it back.
const quoted = (value) => `'${String(value).replaceAll("'", "'\\''")}'`;

function clockForms(act) {
  const steps = [["minute", 60], ["hour", 3600], ["day", 86400], ["week", 604800]];
  const form = (name, label, input, fields) => element("form", { class: "fields", onsubmit: (event) => {
    event.preventDefault();
    act("clock", fields(input.value));
  } }, field(label, input), element("button", { type: "submit" }, say(name)));
  return element("div", {},
    element("div", { class: "actions" }, steps.map(([name, seconds]) => button(say(name), () => act("clock", { advance: seconds })))),
    form("setSpeed", say("speed"), element("input", { name: "factor", type: "number", min: "0", step: "any", value: "1", required: true }),
      (value) => ({ factor: Number(value) })),
    form("setTime", say("newTime"), element("input", { name: "set", type: "datetime-local", step: "1", required: true }),
      (value) => ({ set: `${value.length === 16 ? `${value}:00` : value}+08:00` })));
}

const copyable = (title, shown, act) => element("details", {}, element("summary", {}, title),
  element("p", {}, button(say("copy"), () => act("copy", shown), { "aria-label": `${say("copy")} ${title}` })), text(shown, title));
