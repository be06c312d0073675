import { post } from "./api.js";
import { cell, find, make } from "./dom.js";
import { draw } from "./figures.js";
import { number } from "./format.js";

function samples(text) {
  const words = text.split(/[\s,;]+/).filter(Boolean);
  const numbers = words.map(Number);
  return numbers.every(Number.isFinite) ? numbers : words;
}

function show(answer) {
  draw(find("figure"), answer.figure);
  const { kl, kl_reverse: reverse } = answer.measures;
  find("asymmetry").textContent = kl === null || reverse === null ? Object.values(answer.why_none).join(" ")
    : `D(current ‖ reference) is ${number(kl)} nats, the other way round ${number(reverse)}: the divergence is an average over the samples of its first argument, so it asks how surprising the current samples are to the reference, not the reverse.`;
  const rows = { ...answer.measures, "p-value (permutation)": answer.p_value };
  find("measures").replaceChildren(...Object.entries(rows).map(([name, value]) =>
    make("tr", {}, cell(name.replaceAll("_", " ")), make("td", { class: "number" }, value === null ? (answer.why_none[name] || "–") : number(value, 4)))));
  find("answer").hidden = false;
}

for (const input of document.querySelectorAll("input[type=file]")) {
  input.onchange = async () => { find(input.dataset.for).value = await input.files[0].text(); };
}
find("compare").addEventListener("submit", async (event) => {
  event.preventDefault();
  const problem = find("problem");
  problem.hidden = true;
  try {
    show(await post("/ui/compare", { reference: samples(find("reference").value), current: samples(find("current").value) }));
  } catch (refusal) {
    problem.textContent = refusal.message;
    problem.hidden = false;
  }
});
