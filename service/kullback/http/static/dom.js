/** Elements without markup in strings: label values are text, whatever they hold. */

const SVG = "http://www.w3.org/2000/svg";

export const find = (id) => document.getElementById(id);

export function make(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

export const cell = (content, number = false) => make("td", number ? { class: "number" } : {}, content);

/** New children in place of the old; what had the focus keeps it, by its `data-key` or address. */
export function refill(place, ...children) {
  const held = place.contains(document.activeElement) ? document.activeElement : null;
  const key = held && (held.dataset.key || held.getAttribute("href"));
  place.replaceChildren(...children);
  if (!key) return;
  const wanted = CSS.escape(key);
  place.querySelector(`[data-key="${wanted}"], [href="${wanted}"]`)?.focus({ preventScroll: true });
}

/** New rows of a table; on a phone each cell stands below its column's name. */
export function fillRows(body, rows) {
  const names = [...body.closest("table").querySelectorAll("thead th")].map((head) => head.textContent);
  for (const row of rows) [...row.cells].forEach((one, index) => { one.dataset.label = names[index]; });
  refill(body, ...rows);
}

export const badge = (state) => make("span", { class: `badge ${state}` }, state.replaceAll("_", " "));

export function chips(place, choices, chosen, choose) {
  refill(place, ...choices.map(([value, text]) =>
    make("button", { type: "button", "data-key": String(value), "aria-pressed": String(value === chosen), onclick: () => choose(value) }, text)));
}

export function facts(place, pairs) {
  refill(place, ...pairs.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
}

/** Past scores as a line, with the alarm line at 1. */
export function sparkline(scores) {
  const known = scores.filter((score) => score !== null);
  if (!known.length) return make("span", { class: "labels" }, "–");
  const top = Math.max(1.2, ...known);
  const x = (index) => (index / Math.max(scores.length - 1, 1)) * 100;
  const y = (score) => 28 - (Math.min(score, top) / top) * 26;
  const path = scores.map((score, index) => (score === null ? "" : `${index && scores[index - 1] !== null ? "L" : "M"}${x(index).toFixed(1)} ${y(score).toFixed(1)}`)).join("");
  const svg = document.createElementNS(SVG, "svg");
  fill(svg, { class: "spark", viewBox: "0 0 100 30", preserveAspectRatio: "none", role: "img", "aria-label": `past scores, highest ${Math.max(...known).toFixed(2)}` }, []);
  const line = fill(document.createElementNS(SVG, "line"), { x1: 0, x2: 100, y1: y(1), y2: y(1) }, []);
  svg.append(line, fill(document.createElementNS(SVG, "path"), { d: path }, []));
  return svg;
}

/** What is wrong with the page as a whole; "" when nothing is. With a spinner while it is worth waiting. */
export function banner(text, waiting = false) {
  const place = find("banner");
  if (place.textContent !== text) refill(place, ...(waiting ? [make("span", { class: "spinner", "aria-hidden": "true" })] : []), text);
  place.className = waiting ? "banner waiting" : "banner";
  place.hidden = !text;
}

export function toast(text, undo = null) {
  const place = find("toast");
  const button = undo && make("button", { type: "button", onclick: () => { place.hidden = true; undo(); } }, "Undo");
  place.replaceChildren(text, ...(button ? [button] : []));
  place.hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => { place.hidden = true; }, undo ? 20000 : 6000);
}
