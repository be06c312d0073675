/** Requests to the service; a refusal becomes an Error with the service's own sentence. */

export async function ask(path, options = {}) {
  const response = await fetch(path, { headers: { Accept: "application/json" }, ...options });
  const text = await response.text();
  const answer = text && (response.headers.get("content-type") || "").includes("json") ? JSON.parse(text) : text;
  if (!response.ok) throw new Error(answer.detail || answer || `${response.status} ${response.statusText}`);
  return answer;
}

export function post(path, body) {
  return ask(path, { method: "POST", body: body === undefined ? undefined : JSON.stringify(body) });
}

/** Calls `onAlert` when an alert changes, and shows in the header whether the connection lives. */
export function listen(onAlert) {
  const live = document.getElementById("live");
  const source = new EventSource("/api/v1/events");
  source.onopen = () => { live.textContent = "live"; };
  source.onerror = () => { live.textContent = "connection lost, trying again"; };
  source.addEventListener("alert", (event) => onAlert(JSON.parse(event.data)));
  addEventListener("pagehide", () => source.close());
}
