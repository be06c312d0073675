import { ask, listen } from "./api.js";
import { badge, cell, chips, find, make } from "./dom.js";
import { labels, moment, number } from "./format.js";

const STATES = [["", "all"], ["firing", "firing"], ["pending", "pending"], ["shifted", "shifted"], ["resolved", "resolved"]];
let chosen = "";

function row(alert) {
  const { alertname, severity, metric, ...rest } = alert.labels;
  const at = Date.parse(alert.starts_at);
  const stream = make("td", {}, make("a", { href: `/streams/${alert.stream}?time=${at}` }, metric || "(no name)"), make("div", { class: "labels" }, labels(rest)));
  return make("tr", {}, cell(badge(alert.state)), stream, cell(alert.annotations.description || ""),
    cell(number(alert.max_score), true), cell(moment(alert.starts_at)), cell(moment(alert.ends_at)));
}

async function refresh() {
  const { alerts } = await ask(`/api/v1/alerts?limit=200${chosen ? `&state=${chosen}` : ""}`);
  chips(find("states"), STATES, chosen, (state) => { chosen = state; refresh(); });
  find("rows").replaceChildren(...alerts.map(row));
  find("listing").hidden = !alerts.length;
  find("empty").hidden = alerts.length > 0;
}

listen(refresh);
refresh();
