import { ask } from "./api.js";
import { cell, find, make } from "./dom.js";
import { draw } from "./figures.js";
import { moment, number } from "./format.js";

function show(answer) {
  find("summary").textContent = `${answer.rows} rows, ${answer.scored} scored, ${answer.alarms.length} alarms: ${number(answer.realised_per_day)} per day with a budget of ${answer.budget}.`;
  find("alarms").replaceChildren(...answer.alarms.map((alarm) => make("tr", {}, cell(moment(alarm.start_ms)), cell(moment(alarm.onset_ms)),
    cell(alarm.end_ms ? moment(alarm.end_ms) : "not over"), cell(number(alarm.max_score), true), cell(alarm.explanation))));
  find("report").hidden = false;
  for (const name of ["value", "score", "curve"]) draw(find(`${name}-figure`), answer.figures[name]);
}

find("backtest").addEventListener("submit", async (event) => {
  event.preventDefault();
  const problem = find("problem");
  const button = event.target.querySelector("button");
  Object.assign(problem, { hidden: true });
  button.disabled = true;
  button.textContent = "Running…";
  try {
    const file = find("file").files[0];
    const query = new URLSearchParams({ budget: find("budget").value, name: file.name });
    show(await ask(`/ui/backtest?${query}`, { method: "POST", body: file }));
  } catch (refusal) {
    Object.assign(problem, { hidden: false, textContent: refusal.message });
  } finally {
    button.disabled = false;
    button.textContent = "Run";
  }
});
