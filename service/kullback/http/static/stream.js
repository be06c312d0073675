import { ask, keep, listen, post } from "./api.js";
import { badge, cell, chips, facts, fillRows, find, make, refill, toast } from "./dom.js";
import { draw } from "./figures.js";
import { age, change, moment, number, quantity, span } from "./format.js";
import { confirmed } from "./confirm.js";
import { whatIf } from "./what_if.js";

const article = find("stream");
const id = article.dataset.id;
const past = Number(article.dataset.time) || null;
const here = `/api/v1/streams/${id}`;
const SPANS = [[900e3, "15 min"], [3600e3, "1 h"], [21600e3, "6 h"], [86400e3, "1 d"], [604800e3, "7 d"], [2592000e3, "30 d"]];
const REFRESH_MS = 5000;
const HOUR_MS = 3600e3;
const USUAL_WINDOW = 64;
const view = { span: HOUR_MS, window: null, alerts: [] };

function showFacts(stream) {
  const { warm_up_ratio: warm } = stream;
  find("warm-up").hidden = warm >= 1;
  find("warm-up-bar").value = 100 * warm;
  find("warm-up-text").textContent = stream.ready
    ? `Warming up, ${Math.floor(100 * warm)} %: scores are given, with a cautious alarm line.`
    : `Warming up, ${Math.floor(100 * warm)} %: too few samples yet to say what is normal.`;
  find("values").hidden = stream.form === "category";
  const season = stream.season ? [["Season", stream.season]] : [];
  const compared = stream.reference.kind === "rolling" ? [] : [["Compared with", stream.reference.state]];
  facts(find("facts"), [
    ["Score", number(stream.score)], ["Divergence", stream.divergence_nats === null ? "–" : `${number(stream.divergence_nats)} nats`],
    ["Alarm budget", stream.budget], ["Alarms per day so far", number(stream.realised_alarms_per_day)], ["Alarms so far", String(stream.anomalies)],
    ["Last sample", age(stream.last_sample_ms)], ["Interval", stream.interval_ms ? quantity(stream.interval_ms / 1000, "s") : "–"],
    ["Samples", stream.samples.toLocaleString("en")], ["Threshold factor", number(stream.threshold_factor)], ...season, ...compared]);
  find("configuration").textContent = JSON.stringify(stream.configuration, null, 2);
  view.window ??= stream.windows_samples.includes(USUAL_WINDOW) ? USUAL_WINDOW : stream.windows_samples[0];
  chips(find("windows"), stream.windows_samples.map((size) => [size, size.toLocaleString("en")]), view.window, (size) => { view.window = size; again(); });
}

function showWhy(why) {
  find("state").replaceWith(Object.assign(badge(why.state), { id: "state" }));
  find("sentence").textContent = why.sentence;
  find("behind").textContent = [why.top_bins, why.quantiles].filter(Boolean).join(" · ");
  find("behind").hidden = !(why.top_bins || why.quantiles);
  refill(find("gates"), ...why.gates.map((gate) => make("tr", {}, cell(gate.name), cell(number(gate.value), true),
    cell(number(gate.limit), true), make("td", { class: gate.passed ? "passed" : "" }, gate.passed ? "yes" : "no"))));
}

/** What one more sample would have to be; only the present has an answer. */
function showLimits({ limits: { below, above }, unit }) {
  const sides = [below !== null && `below ${quantity(below, unit)}`, above !== null && `above ${quantity(above, unit)}`].filter(Boolean);
  find("limits").textContent = sides.length && !past ? `A single sample raises an alarm ${sides.join(" or ")}; several smaller ones do so together.` : "";
}

function showMarkers(markers) {
  find("marked").hidden = !markers.length;
  refill(find("markers"), ...markers.map((marker) => make("li", {}, `${moment(marker.time)} `,
    marker.url ? make("a", { href: marker.url, rel: "noreferrer" }, marker.text) : make("strong", {}, marker.text), marker.author ? ` by ${marker.author}` : "")));
}

function showWindow(answer) {
  const { quantiles, measures, unit, current_samples: samples, reference_samples: reference } = answer.window;
  find("window-text").textContent = samples && reference
    ? `${past ? "Windows of the past are not kept; these are the present ones. " : ""}The newest ${samples.toLocaleString("en")} samples over a reference of ${reference.toLocaleString("en")}.` : "No reference yet.";
  find("quantile-rows").replaceChildren(...quantiles.map(({ level, reference: before, current }) => make("tr", {}, cell(`p${number(100 * level)}`),
    cell(quantity(before, unit), true), cell(quantity(current, unit), true), cell(before === null || current === null ? "–" : change(current - before, unit), true))));
  find("measures").replaceChildren(...Object.entries(measures).map(([name, value]) => make("tr", {}, cell(name.replaceAll("_", " ")), cell(number(value, 4), true))));
  return draw(find("histogram-figure"), answer.figure);
}

const done = (text, undo) => { toast(text, undo && (() => undo().catch((problem) => toast(problem.message)))); again(); };

function verdict(alert) {
  const say = (word) => post(`/api/v1/alerts/${alert.id}/feedback`, { verdict: word });
  const give = (word) => say(word).then(
    ({ threshold_factor: factor }) => done(`Thank you. The threshold factor is now ${number(factor)}.`, () => say(null).then(() => done("Taken back."))),
    (problem) => toast(problem.message));
  const button = (word, text, name) => make("button", { type: "button", "data-key": `${alert.id} ${word}`, "aria-label": name, onclick: () => give(word) }, text);
  return make("td", { class: "pair" }, button("true_positive", "Yes", "Yes, the alert was right"), button("false_positive", "No", "No, it was a false alarm"));
}

function showAlerts(alerts) {
  view.alerts = alerts;
  find("alert-list").hidden = !alerts.length;
  find("no-alerts").hidden = alerts.length > 0;
  fillRows(find("alerts"), alerts.map((alert) => make("tr", {}, cell(badge(alert.state)), cell(moment(alert.starts_at)),
    cell(moment(alert.ends_at)), cell(number(alert.max_score), true), cell(alert.annotations.description || "–"), verdict(alert))));
}

async function refresh() {
  const end = past ? past + view.span / 2 : Date.now();
  const between = `start=${Math.round(end - view.span)}&end=${Math.round(end)}`;
  const [stream, why, time, book] = await Promise.all([ask(here), ask(`${here}/explain${past ? `?time=${past}` : ""}`),
    ask(`/ui/streams/${id}/time?${between}`), ask(`/api/v1/alerts?stream=${id}&limit=50`)]);
  showFacts(stream);
  showWhy(why);
  showAlerts(book.alerts);
  chips(find("spans"), SPANS, view.span, (chosen) => { view.span = chosen; again(); });
  find("no-history").hidden = time.points > 0;
  showLimits(time);
  showMarkers(time.markers);
  for (const name of ["value-figure", "score-figure"]) find(name).dataset.span = view.span;  // another span forgets the zoom
  const drawn = stream.form === "category" ? ["score"] : ["value", "score"];  // names have no order to draw
  await Promise.all(drawn.map((name) => draw(find(`${name}-figure`), time[name])));
  await showWindow(await ask(`/ui/streams/${id}/window?window=${view.window}`));
}

/** What to exclude unless somebody says otherwise: the newest alert, else the last hour. */
function suspect() {
  const [alert] = view.alerts;
  return alert ? [Date.parse(alert.starts_at), Date.parse(alert.ends_at) || Date.now()] : [Date.now() - HOUR_MS, Date.now()];
}

const ACTIONS = {
  async rebaseline() {
    if (!await confirmed("Accept as new normal?", "The newest samples become the reference; a firing alert ends. You can undo it.")) return;
    await post(`${here}/rebaseline`);
    done("The present level is the new normal.", () => post(`${here}/rebaseline/undo`).then(() => done("The old reference is back.")));
  },
  async exclude() {
    const answer = await confirmed("Was it an incident?", "Samples of this time are kept out of the reference, so that the next incident is seen as well. You can undo it.", suspect());
    if (!answer) return;
    await post(`${here}/exclude`, answer);
    done(`${span(Date.parse(answer.end) - Date.parse(answer.start))} stay out of the reference.`,
      () => post(`${here}/exclude/undo`).then(() => done("Those samples count again.")));
  },
  async maintenance() {
    if (!await confirmed("Maintenance for an hour?", "Nothing fires, and nothing is learned from it. You can undo it.")) return;
    const window = await post("/api/v1/maintenance", { match: article.dataset.selector, start: new Date().toISOString(), end: new Date(Date.now() + HOUR_MS).toISOString(), reason: "set on the page" });
    done("Under maintenance for an hour.", () => ask(`/api/v1/maintenance/${window.id}`, { method: "DELETE" }).then(() => done("Maintenance is over.")));
  },
};

for (const button of document.querySelectorAll("[data-action]")) {
  button.onclick = () => ACTIONS[button.dataset.action]().catch((problem) => toast(problem.message));
}
const again = keep(refresh, past ? 0 : REFRESH_MS);
keep(() => whatIf(id), 0);
find("try").addEventListener("submit", (event) => {
  event.preventDefault();
  whatIf(id, find("try-windows").value.trim()).catch((problem) => toast(problem.message));
});
listen((alert) => { if (alert.stream === id) again(); });
