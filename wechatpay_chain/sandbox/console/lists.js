// A table whose rows are kept: an update touches only what changed, so that a thousand rows stay fluid.
import { element } from "./dom.js";

export class List {
  // Each column is { title, cell(row), class }; the first cell of a row opens it.
  constructor({ caption, columns, key, empty }) {
    this.columns = columns;
    this.key = key;
    this.known = new Map();
    this.body = element("tbody");
    this.caption = element("caption", {}, caption);
    this.empty = element("p", { class: "quiet" }, empty);
    const heads = columns.map((column) => element("th", { scope: "col", class: column.class }, column.title));
    this.table = element("table", {}, this.caption, element("thead", {}, element("tr", {}, heads)), this.body);
    this.whole = element("div", {}, this.table, this.empty);
    this.body.addEventListener("keydown", (event) => this.move(event));
    this.body.addEventListener("focusin", (event) => this.enter(event.target.closest("tr")));
  }

  update(rows, chosen) {
    const seen = new Set();
    let place = this.body.firstElementChild;
    for (const row of rows) {
      const key = String(this.key(row));
      seen.add(key);
      const found = this.row(key, row);
      if (found === place) place = place.nextElementSibling;
      else this.body.insertBefore(found, place);
      if ((found.getAttribute("aria-current") === "true") !== (key === chosen)) {
        if (key === chosen) found.setAttribute("aria-current", "true");
        else found.removeAttribute("aria-current");
      }
    }
    for (const [key, { line }] of this.known) {
      if (!seen.has(key)) {
        line.remove();
        this.known.delete(key);
      }
    }
    this.table.hidden = rows.length === 0;
    this.empty.hidden = rows.length !== 0;
    if (!this.current?.isConnected) this.enter(this.body.firstElementChild);
  }

  row(key, row) {
    const content = JSON.stringify(row);
    const known = this.known.get(key);
    if (known?.content === content) return known.line;
    const cells = this.columns.map((column, place) =>
      element(place ? "td" : "th", { scope: place ? undefined : "row", class: column.class }, column.cell(row)));
    const line = known?.line ?? element("tr", { "data-key": key });
    const focused = [...line.querySelectorAll("button")].indexOf(document.activeElement);
    line.replaceChildren(...cells);
    const buttons = line.querySelectorAll("button");
    for (const each of buttons) each.tabIndex = line === this.current ? 0 : -1;
    if (focused >= 0) (buttons[focused] ?? buttons[0])?.focus();
    this.known.set(key, { line, content });
    return line;
  }

  // One row alone can be reached with Tab; the arrow keys lead to the others.
  enter(line) {
    if (line === this.current) return;
    for (const each of this.current?.querySelectorAll("button") ?? []) each.tabIndex = -1;
    for (const each of line?.querySelectorAll("button") ?? []) each.tabIndex = 0;
    this.current = line;
  }

  move(event) {
    const line = event.target.closest("tr");
    const all = { Home: this.body.firstElementChild, End: this.body.lastElementChild };
    const next = { ArrowDown: line?.nextElementSibling, ArrowUp: line?.previousElementSibling, ...all }[event.key];
    if (!next || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const place = [...line.querySelectorAll("button")].indexOf(event.target);
    const buttons = next.querySelectorAll("button");
    (buttons[place] ?? buttons[0])?.focus();
  }

  focus(key) {
    this.known.get(String(key))?.line.querySelector("button")?.focus();
  }
}
