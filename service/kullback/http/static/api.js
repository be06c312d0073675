/** Requests to the service, and pages that stay up to date. */

import { banner } from "./dom.js";

const NOT_READY = 503;
const RETRY_MS = 1000;
const STARTING = "Kullback is starting. The first start on a machine compiles for about a minute; this page goes on by itself.";
const AWAY = "Kullback does not answer. Trying again…";

/** The service's own sentence about what went wrong; `passing` when it is worth trying again. */
export class Refusal extends Error {
  constructor(message, passing = false) {
    super(message);
    this.passing = passing;
  }
}

export async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { headers: { Accept: "application/json" }, ...options });
  } catch {
    throw new Refusal(AWAY, true);
  }
  const text = await response.text();
  const isJson = (response.headers.get("content-type") || "").includes("json");
  const answer = text && isJson ? JSON.parse(text) : text;
  if (response.ok) return answer;
  if (answer.id === "kb-not-ready") throw new Refusal(STARTING, true);
  const reason = answer.detail || answer || `${response.status} ${response.statusText}`;
  throw new Refusal(reason, response.status === NOT_READY);
}

export function post(path, body) {
  return ask(path, { method: "POST", body: body === undefined ? undefined : JSON.stringify(body) });
}

/**
 * Runs `refresh` now and every `everyMs` while somebody looks; sooner while the service starts or is away.
 * Returns a function that runs it at once.
 */
export function keep(refresh, everyMs) {
  let timer, running = false, again = false;
  async function run() {
    if (running) { again = true; return; }
    clearTimeout(timer);
    running = true;
    let waitMs = everyMs;
    try {
      await refresh();
      banner("");
    } catch (problem) {
      banner(problem.message, problem.passing);
      if (problem.passing) waitMs = RETRY_MS;
    }
    running = false;
    if (again) { again = false; run(); } else if (everyMs) timer = setTimeout(later, waitMs);
  }
  function later() {
    if (document.hidden) timer = setTimeout(later, RETRY_MS);
    else run();
  }
  run();
  return run;
}

/** Calls `onAlert` when an alert changes, and shows in the header whether the connection lives. */
export function listen(onAlert) {
  const live = document.getElementById("live");
  const say = (word, text) => { live.textContent = text; live.className = `live ${word}`; };
  const source = new EventSource("/api/v1/events");
  source.onopen = () => say("on", "live");
  source.onerror = () => say("off", "not live, trying again");
  source.addEventListener("alert", (event) => onAlert(JSON.parse(event.data)));
  addEventListener("pagehide", () => source.close());
}
