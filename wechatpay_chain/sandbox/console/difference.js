// Where two texts differ: the part between what they have in common at their beginnings and at their ends.
import { element } from "./dom.js";

export function difference(expected, signed) {
  const left = Array.from(expected);
  const right = Array.from(signed);
  const shortest = Math.min(left.length, right.length);
  let start = 0;
  while (start < shortest && left[start] === right[start]) start += 1;
  let end = 0;
  while (end < shortest - start && left[left.length - 1 - end] === right[right.length - 1 - end]) end += 1;
  const before = left.slice(0, start).join("");
  return {
    isSame: left.length === right.length && start === left.length,
    line: before.split("\n").length,
    column: start - (before.lastIndexOf("\n") === -1 ? 0 : Array.from(before.slice(0, before.lastIndexOf("\n") + 1)).length) + 1,
    expected: parts(left, start, end),
    signed: parts(right, start, end),
  };
}

const parts = (text, start, end) => ({
  before: text.slice(0, start).join(""),
  first: text.slice(start, Math.min(start + 1, text.length - end)).join(""),
  rest: text.slice(start + 1, Math.max(start + 1, text.length - end)).join(""),
  after: text.slice(Math.max(start, text.length - end)).join(""),
});

// A box with one of the texts: line ends can be seen, the part that differs is marked, its first character most.
export function marked(side, nothing, label) {
  const differs = side.first === ""
    ? element("mark", {}, element("b", { title: nothing }, "∅"))
    : element("mark", {}, element("b", {}, visible(side.first)), ...lines(side.rest));
  return element("pre", { tabindex: "0", role: "group", "aria-label": label },
    ...lines(side.before), differs, ...lines(side.after));
}

const visible = (character) => (character === "\n" ? "⏎\n" : character === " " ? "␣" : character);

const lines = (text) => text.split("\n").flatMap((line, place) =>
  place === 0 ? [line] : [element("span", { class: "end", "aria-hidden": "true" }, "⏎"), `\n${line}`]);
