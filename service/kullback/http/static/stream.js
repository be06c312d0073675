import { ask, listen, post } from "./api.js";
import { badge, cell, chips, facts, find, make, toast } from "./dom.js";
import { draw } from "./figures.js";
import { age, moment, number, quantity } from "./format.js";

const article = find("stream");
const id = article.dataset.id;
const here = `/api/v1/streams/${id}`;
const SPANS = [[900e3, "15 min"], [3600e3, "1 h"], [21600e3, "6 h"], [86400e3, "1 d"], [604800e3, "7 d"], [2592000e3, "30 d"]];
const REFRESH_MS = 5000;
const HOUR_MS = 3600e3;
const view = { span: 3600e3, window: null };

function showFacts(stream) {
  find("state").replaceWith(Object.assign(badge(stream.state), { id: "state" }));
  const season = stream.season ? [["Season", stream.season]] : [];
  facts(find("facts"), [
    ["Score", number(stream.score)], ["Divergence", `${number(stream.divergence_nats)} nats`],
    ["Samples", stream.samples.toLocaleString("en")], ["Last sample", age(stream.last_sample_ms)],
    ["Interval", `${number(stream.interval_ms / 1000)} s`], ["Alarm budget", stream.budget],
    ["Realised alarms per day", number(stream.realised_alarms_per_day)], ["Anomalies so far", String(stream.anomalies)],
    ["Warm-up", stream.warm_up_ratio >= 1 ? "done" : `${number(100 * stream.warm_up_ratio, 2)} %`], ...season]);
  find("configuration").textContent = JSON.stringify(stream.configuration, null, 2);
  view.window ??= stream.windows_samples.includes(64) ? 64 : stream.windows_samples[0];
  chips(find("windows"), stream.windows_samples.map((size) => [size, `${size} samples`]), view.window, (size) => { view.window = size; refresh(); });
}

function showWhy(why) {
  find("sentence").textContent = why.sentence;
  find("gates").replaceChildren(...why.gates.map((gate) => make("tr", {}, cell(gate.name), cell(number(gate.value), true),
    cell(number(gate.limit), true), cell(gate.passed ? "yes" : "no"))));
}

function showWindow(answer) {
  draw(find("histogram-figure"), answer.figure);
  const { quantiles, measures, unit } = answer.window;
  find("quantile-head").replaceChildren(make("tr", {}, make("th", { scope: "col" }, "Quantile"), ...["Reference", "Current", "Change"].map((name) => make("th", { scope: "col", class: "number" }, name))));
  find("quantiles").replaceChildren(...quantiles.map(({ level, reference, current }) => make("tr", {}, cell(`p${number(100 * level)}`),
    cell(quantity(reference, unit), true), cell(quantity(current, unit), true), cell(reference === null || current === null ? "–" : quantity(current - reference, unit), true))));
  find("measures").replaceChildren(...Object.entries(measures).map(([name, value]) => make("tr", {}, cell(name.replaceAll("_", " ")), cell(number(value, 4), true))));
}

function verdict(alert) {
  const say = (word) => post(`/api/v1/alerts/${alert.id}/feedback`, { verdict: word })
    .then(() => { toast("Thank you; the threshold follows.", () => say(null)); refresh(); }, (problem) => toast(problem.message));
  return make("td", {}, make("button", { type: "button", onclick: () => say("true_positive") }, "Yes"), " ",
    make("button", { type: "button", onclick: () => say("false_positive") }, "No"));
}

function showAlerts(alerts) {
  find("alerts").replaceChildren(...alerts.map((alert) => make("tr", {}, cell(badge(alert.state)), cell(moment(alert.starts_at)),
    cell(moment(alert.ends_at)), cell(alert.annotations.description || ""), verdict(alert))));
}

async function refresh() {
  const end = article.dataset.time ? Number(article.dataset.time) + view.span / 2 : Date.now();
  const span = `start=${Math.round(end - view.span)}&end=${Math.round(end)}`;
  const [stream, why, time, book] = await Promise.all([ask(here), ask(`${here}/explain`), ask(`/ui/streams/${id}/time?${span}`), ask(`/api/v1/alerts?stream=${id}&limit=20`)]);
  showFacts(stream);
  showWhy(why);
  showAlerts(book.alerts);
  chips(find("spans"), SPANS, view.span, (chosen) => { view.span = chosen; refresh(); });
  await Promise.all([draw(find("value-figure"), time.value), draw(find("score-figure"), time.score)]);
  showWindow(await ask(`/ui/streams/${id}/window?window=${view.window}`));
}

function confirmed(title, text) {
  const dialog = find("confirm");
  find("confirm-title").textContent = title;
  find("confirm-text").textContent = text;
  dialog.showModal();
  return new Promise((resolve) => { dialog.onclose = () => resolve(dialog.returnValue === "yes"); });
}

const done = (text, undo) => { toast(text, undo); refresh(); };

const ACTIONS = {
  async rebaseline() {
    if (!await confirmed("Accept as new normal?", "The newest samples become the reference; a firing alert ends. You can undo it.")) return;
    await post(`${here}/rebaseline`);
    done("The present level is the new normal.", () => post(`${here}/rebaseline/undo`).then(() => done("The old reference is back.")));
  },
  async exclude() {
    if (!await confirmed("Was the last hour an incident?", "Its samples are kept out of the reference.")) return;
    await post(`${here}/exclude`, { start: new Date(Date.now() - HOUR_MS).toISOString(), end: new Date().toISOString(), reason: "marked on the page" });
    done("The last hour stays out of the reference.");
  },
  async maintenance() {
    if (!await confirmed("Maintenance for an hour?", "Nothing fires, and nothing is learned from it.")) return;
    const window = await post("/api/v1/maintenance", { match: document.querySelector("h1").textContent, start: new Date().toISOString(), end: new Date(Date.now() + HOUR_MS).toISOString(), reason: "set on the page" });
    done("Under maintenance for an hour.", () => ask(`/api/v1/maintenance/${window.id}`, { method: "DELETE" }).then(() => done("Maintenance is over.")));
  },
};

for (const button of document.querySelectorAll("[data-action]")) {
  button.onclick = () => ACTIONS[button.dataset.action]().catch((problem) => toast(problem.message));
}
const safely = () => refresh().catch((problem) => toast(problem.message));
listen((alert) => { if (alert.stream === id) safely(); });
addEventListener("load", safely);
setInterval(() => { if (!document.hidden && !article.dataset.time) safely(); }, REFRESH_MS);
