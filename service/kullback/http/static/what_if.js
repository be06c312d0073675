/** What other alarm budgets and windows would have meant for a stream. */

import { ask } from "./api.js";
import { find } from "./dom.js";
import { draw } from "./figures.js";
import { number, span } from "./format.js";

/** With `windows`, such as "16, 64", what is stored runs through the detector again. */
export async function whatIf(id, windows = "") {
  const prefilled = new URLSearchParams(windows ? { current: windows } : {});
  find("what-if-backtest").href = `/backtest?${prefilled}`;
  const { answer, figure, colours } = await ask(`/ui/streams/${id}/what-if?${prefilled}`);
  const { points } = answer;
  const slider = find("budget");
  Object.assign(slider, { max: points.length - 1, value: points.findIndex((point) => point.budget === answer.budget) });
  find("what-if-basis").textContent = answer.basis;
  slider.oninput = () => show(answer, figure, colours, points[slider.value]);
  return show(answer, figure, colours, points[slider.value]);
}

const count = (alarms) => `${alarms} ${alarms === 1 ? "alarm" : "alarms"}`;

function show(answer, figure, colours, point) {
  const { points } = answer;
  const present = point.budget === answer.budget;
  find("budget").setAttribute("aria-valuetext", point.budget);
  find("budget-text").textContent = present ? `${point.budget} (in force)` : point.budget;
  const perWeek = point.alarms_per_week === null ? " (too short to say how many a week)" : `, ${number(point.alarms_per_week)} per week`;
  const inForce = point.alarms_in_force === null ? "" : `; with the windows in force ${count(point.alarms_in_force)}`;
  find("what-if-text").textContent = !answer.span_ms
    ? "No scores are stored yet."
    : `${count(point.alarms)} in ${span(answer.span_ms)} of stored ${answer.current ? "values" : "scores"}${perWeek}${inForce}. By chance alone this budget allows ${number(point.allowed_per_week)} per week.${points.some(({ alarms }) => alarms) ? "" : " No budget on this scale would have given one."}`;
  find("snippet").textContent = `profiles:\n  - match: '${answer.match.replaceAll("'", "''")}'\n    alarm_budget: ${point.budget}${answer.current ? `\n    current: [${answer.current.join(", ")}]` : ""}`;
  find("what-if-figure").hidden = points.every(({ alarms }) => !alarms);
  const bars = figure.data.map((trace) => ({ ...trace, marker: { ...trace.marker, color: trace.x.map((budget) => (budget === point.budget ? colours.chosen : colours.other)) } }));
  return draw(find("what-if-figure"), { ...figure, data: bars });
}
