import { ask, keep, listen } from "./api.js";
import { badge, cell, chips, find, make, refill, sparkline } from "./dom.js";
import { age, labels, number } from "./format.js";

const STATES = ["firing", "shifted", "pending", "ok", "warming_up", "no_data", "maintenance"];
const REFRESH_MS = 5000;
const asked = new URLSearchParams(location.search);
const view = { match: asked.get("match") || "", state: asked.get("state") || "", cursors: [""] };

function score(stream) {
  if (stream.score === null) return cell(stream.ready ? "–" : warmUp(stream), true);
  const share = Math.min(100, 100 * stream.score);
  const meter = make("span", { class: stream.score > 1 ? "meter over" : "meter", "aria-hidden": "true" }, make("span", { style: `width:${share}%` }));
  return make("td", { class: "number" }, number(stream.score), meter);
}

function warmUp(stream) {
  const percent = Math.floor(100 * stream.warm_up_ratio);
  return make("label", { class: "warm-up" }, `${percent} % `, make("progress", { max: 100, value: percent, "aria-label": "Warm-up" }));
}

const wide = (element) => { element.classList.add("wide"); return element; };

function row(stream) {
  const name = make("a", { href: `/streams/${stream.id}` }, stream.metric || "(no name)");
  const series = make("td", {}, name, make("div", { class: "labels" }, labels(stream.labels)));
  return make("tr", { class: stream.state }, cell(badge(stream.state)), series, score(stream), wide(cell(sparkline(stream.past_scores))),
    wide(cell(number(stream.divergence_nats), true)),
    wide(cell(`${number(stream.realised_alarms_per_day)} / ${number(stream.budget_per_day)}`, true)), wide(cell(age(stream.last_sample_ms), true)));
}

function showStates(counts) {
  const present = STATES.filter((state) => counts[state] || state === view.state);
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const shown = (count) => (count || 0).toLocaleString("en");
  const choices = [["", `all ${shown(all)}`], ...present.map((state) => [state, `${state.replaceAll("_", " ")} ${shown(counts[state])}`])];
  chips(find("states"), choices, view.state, (state) => look({ state }));
  return all;
}

async function refresh() {
  const query = new URLSearchParams({ limit: "50", cursor: view.cursors.at(-1), state: view.state });
  if (view.match) query.set("match[]", view.match);
  const page = await ask(`/ui/fleet?${query}`);
  const all = showStates(page.streams_by_state);
  find("empty").hidden = all > 0;
  find("none").hidden = all === 0 || page.streams.length > 0;
  find("listing").hidden = page.streams.length === 0;
  refill(find("rows"), ...page.streams.map(row));
  find("pager").hidden = view.cursors.length < 2 && !page.next_cursor;
  find("previous").disabled = view.cursors.length < 2;
  find("next").disabled = !page.next_cursor;
  find("next").onclick = () => { view.cursors.push(page.next_cursor); again(); };
}

/** Shows other streams, from the first page on, under an address of its own. */
function look(change) {
  Object.assign(view, change, { cursors: [""] });
  const query = new URLSearchParams(Object.entries({ match: view.match, state: view.state }).filter(([, value]) => value));
  history.replaceState(null, "", query.size ? `?${query}` : "/");
  again();
}

find("match").value = view.match;
find("previous").onclick = () => { view.cursors.pop(); again(); };
find("search").addEventListener("submit", (event) => {
  event.preventDefault();
  look({ match: find("match").value.trim() });
});
find("match").addEventListener("search", () => look({ match: find("match").value.trim() }));
const again = keep(refresh, REFRESH_MS);
listen(again);
