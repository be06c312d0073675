import { ask } from "./api.js";
import { banner, cell, fillRows, find, make } from "./dom.js";
import { draw } from "./figures.js";
import { moment, number } from "./format.js";

const count = (value) => value.toLocaleString("en");

function show(answer) {
  const { alarms } = answer;
  const rate = answer.realised_per_day === null ? "" : `, ${number(answer.realised_per_day)} per day`;
  find("summary").textContent = `${count(answer.rows)} rows, ${count(answer.scored)} scored, ${alarms.length} ${alarms.length === 1 ? "alarm" : "alarms"}${rate}; the budget is ${answer.budget}.`;
  fillRows(find("alarms"), alarms.map((alarm) => make("tr", {}, cell(moment(alarm.start_ms)), cell(moment(alarm.onset_ms)),
    cell(alarm.end_ms ? moment(alarm.end_ms) : "not over"), cell(number(alarm.max_score), true), cell(alarm.explanation || "–"))));
  find("alarm-list").hidden = !alarms.length;
  find("no-alarms").hidden = alarms.length > 0;
  find("report").hidden = false;
  for (const name of ["value", "score", "curve"]) draw(find(`${name}-figure`), answer.figures[name]);
}

/** What a link asks for; the file cannot be in it. */
const asked = new URLSearchParams(location.search);
for (const [name, id] of [["budget", "budget"], ["current", "windows"]]) {
  if (asked.get(name)) find(id).value = asked.get(name);
}

find("backtest").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.submitter;
  banner("");
  button.disabled = true;
  button.textContent = "Running…";
  try {
    const file = find("file").files[0];
    const query = new URLSearchParams({ budget: find("budget").value, current: find("windows").value, name: file.name });
    show(await ask(`/ui/backtest?${query}`, { method: "POST", body: file }));
    find("report").scrollIntoView();
  } catch (problem) {
    banner(problem.message);
  } finally {
    button.disabled = false;
    button.textContent = "Run";
  }
});
