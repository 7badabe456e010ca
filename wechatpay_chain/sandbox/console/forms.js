// The forms of faults, of written answers, and of notices that are pushed.
import { button, element, field } from "./dom.js";
import { language, say } from "./languages.js";

const METHODS = ["*", "GET", "POST", "PUT", "PATCH", "DELETE"].map((name) => [name, name]);
const select = (name, pairs) => element("select", { name }, pairs.map(([value, shown]) => element("option", { value }, shown)));

export function faultForm(names, act) {
  const options = element("datalist", { id: "fault-names" }, names.map((name) => element("option", { value: name })));
  return element("form", { class: "fields", id: "fault-form", onsubmit: (event) => {
    event.preventDefault();
    act("fault", faultOf(new FormData(event.target)));
  } },
  field(say("faultName"), element("input", { name: "name", list: "fault-names", required: true, autocomplete: "off" })), options,
  field(say("method"), select("method", METHODS)),
  field(say("pathPattern"), element("input", { name: "path", value: "*", autocomplete: "off" })),
  field(say("times"), element("input", { name: "times", value: "1", inputmode: "numeric", pattern: "[0-9]*" })),
  field(say("when"), select("when", [["before", say("before")], ["after", say("after")]])),
  field(say("rate"), element("input", { name: "rate", value: "100", inputmode: "decimal", pattern: "[0-9]+([.][0-9]+)?" })),
  field(say("seconds"), element("input", { name: "seconds", inputmode: "decimal", pattern: "[0-9]+([.][0-9]+)?" })),
  element("button", { type: "submit", class: "main" }, say("addFault")),
  button(say("clearFaults"), () => act("clear")));
}

function faultOf(data) {
  const given = Object.fromEntries(data);
  return {
    name: given.name.trim(), method: given.method, path: given.path.trim() || "*", when: given.when,
    times: given.times === "" ? null : Number(given.times),
    rate: Number(given.rate || 100) / 100,
    ...(given.seconds === "" ? {} : { seconds: Number(given.seconds) }),
  };
}

// Folded: a list is looked at more often than it is filled.
const folded = (id, title, ...inside) => element("details", { class: "folded" }, element("summary", {}, title),
  element("form", { class: "fields", id, onsubmit: inside.shift() }, inside));

const area = (name, label) => field(label, element("textarea", { name, rows: "4", spellcheck: "false", autocomplete: "off" }));

export function answerForm(act) {
  const send = (event) => {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(event.target));
    act("answer", {
      method: given.method, path: given.path.trim(), status: Number(given.status), body: given.body,
      times: given.times === "" ? null : Number(given.times),
    });
  };
  return folded("answer-form", say("writeAnswer"), send,
    field(say("method"), select("method", METHODS)),
    field(say("pathPattern"), element("input", { name: "path", required: true, autocomplete: "off" })),
    field(say("status"), element("input", { name: "status", type: "number", min: "200", max: "599", value: "200", required: true })),
    field(say("times"), element("input", { name: "times", value: "1", inputmode: "numeric", pattern: "[0-9]*" })),
    area("body", say("answerJson")),
    element("button", { type: "submit", class: "main" }, say("setAnswer")));
}

export function pushForm(events, act) {
  const options = element("datalist", { id: "event-types" }, events.map((each) =>
    element("option", { value: each.event_type }, language() === "zh" ? each.summary : "")));
  const send = (event) => {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(event.target));
    act("push", { event_type: given.event_type.trim(), url: given.url.trim(), resource: given.resource });
  };
  return folded("push-form", say("pushNotice"), send,
    field(say("event"), element("input", { name: "event_type", list: "event-types", required: true, autocomplete: "off" })), options,
    field(say("receiver"), element("input", { name: "url", type: "url", required: true, autocomplete: "off" })),
    area("resource", say("resourceJson")),
    element("button", { type: "submit", class: "main" }, say("push")));
}
