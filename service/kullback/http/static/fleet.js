import { ask, listen } from "./api.js";
import { badge, cell, chips, find, make, sparkline } from "./dom.js";
import { age, labels, number } from "./format.js";

const STATES = ["firing", "shifted", "pending", "ok", "warming_up", "no_data", "maintenance"];
const REFRESH_MS = 5000;
const view = { match: new URLSearchParams(location.search).get("match") || "", state: "", cursors: [""] };

function score(stream) {
  if (stream.score === null) return cell(stream.ready ? "–" : `warming up, ${number(100 * stream.warm_up_ratio, 2)} %`, true);
  const share = Math.min(100, 100 * stream.score);
  const meter = make("span", { class: stream.score > 1 ? "meter over" : "meter", "aria-hidden": "true" }, make("span", { style: `width:${share}%` }));
  return make("td", { class: "number" }, number(stream.score), meter);
}

function row(stream) {
  const name = make("a", { href: `/streams/${stream.id}` }, stream.metric || "(no name)");
  const series = make("td", {}, name, make("div", { class: "labels" }, labels(stream.labels)));
  return make("tr", {}, cell(badge(stream.state)), series, score(stream), cell(sparkline(stream.past_scores)),
    cell(number(stream.divergence_nats), true), cell(number(stream.budget_per_day), true),
    cell(number(stream.realised_alarms_per_day), true), cell(age(stream.last_sample_ms), true));
}

function showStates(counts) {
  const present = STATES.filter((state) => counts[state] || state === view.state);
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const choices = [["", `all ${all}`], ...present.map((state) => [state, `${state.replace("_", " ")} ${counts[state] || 0}`])];
  chips(find("states"), choices, view.state, (state) => { view.state = state; view.cursors = [""]; refresh(); });
  return all;
}

async function refresh() {
  const query = new URLSearchParams({ limit: "50", cursor: view.cursors.at(-1), state: view.state });
  if (view.match) query.set("match[]", view.match);
  try {
    const page = await ask(`/ui/fleet?${query}`);
    const all = showStates(page.streams_by_state);
    find("problem").hidden = true;
    find("empty").hidden = all > 0;
    find("listing").hidden = all === 0;
    find("rows").replaceChildren(...page.streams.map(row));
    find("previous").disabled = view.cursors.length < 2;
    find("next").disabled = !page.next_cursor;
    find("next").onclick = () => { view.cursors.push(page.next_cursor); refresh(); };
  } catch (problem) {
    find("problem").textContent = problem.message;
    find("problem").hidden = false;
  }
}

find("match").value = view.match;
find("previous").onclick = () => { view.cursors.pop(); refresh(); };
find("search").addEventListener("submit", (event) => {
  event.preventDefault();
  Object.assign(view, { match: find("match").value.trim(), cursors: [""] });
  history.replaceState(null, "", view.match ? `?match=${encodeURIComponent(view.match)}` : "/");
  refresh();
});
listen(refresh);
refresh();
setInterval(() => { if (!document.hidden) refresh(); }, REFRESH_MS);
