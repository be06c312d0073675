import { ask, keep, listen } from "./api.js";
import { badge, cell, chips, fillRows, find, make, refill } from "./dom.js";
import { labels, moment, number } from "./format.js";

const STATES = [["", "all"], ["firing", "firing"], ["pending", "pending"], ["shifted", "shifted"], ["resolved", "resolved"]];
const REFRESH_MS = 10000;
const view = { state: new URLSearchParams(location.search).get("state") || "" };

function row(alert) {
  const { alertname, severity, metric, ...rest } = alert.labels;
  const address = alert.ends_at ? `/streams/${alert.stream}?time=${Date.parse(alert.fired_at || alert.starts_at)}` : `/streams/${alert.stream}`;
  const stream = make("td", {}, make("a", { href: address, "data-key": alert.id }, metric || "(no name)"), make("div", { class: "labels" }, labels(rest)));
  return make("tr", {}, cell(badge(alert.state)), stream, cell(alert.annotations.description || "–"),
    cell(number(alert.max_score), true), cell(moment(alert.starts_at)), cell(moment(alert.ends_at)));
}

function incident(found) {
  return make("li", {}, make("strong", {}, found.summary), make("div", { class: "labels" }, `since ${moment(found.starts_at)}`));
}

async function refresh() {
  const [{ alerts }, { incidents }] = await Promise.all([
    ask(`/api/v1/alerts?limit=200${view.state ? `&state=${view.state}` : ""}`), ask("/api/v1/incidents")]);
  chips(find("states"), STATES, view.state, (state) => { view.state = state; again(); });
  fillRows(find("rows"), alerts.map(row));
  find("listing").hidden = !alerts.length;
  find("empty").hidden = alerts.length > 0;
  find("empty").textContent = view.state ? `No alert is ${view.state}.` : "No alert yet. Streams are quiet, or still warming up.";
  const together = incidents.filter((one) => one.streams > 1);
  refill(find("incident-list"), ...together.map(incident));
  find("incidents").hidden = !together.length;
}

const again = keep(refresh, REFRESH_MS);
listen(again);
