import { post } from "./api.js";
import { banner, cell, find, make } from "./dom.js";
import { draw } from "./figures.js";
import { number } from "./format.js";

const NAMES = {
  kl: "KL divergence D(current ‖ reference), nats", kl_reverse: "KL divergence D(reference ‖ current), nats", jeffreys: "Jeffreys divergence, nats",
  jensen_shannon: "Jensen-Shannon divergence, nats", psi: "Population stability index", hellinger: "Hellinger distance",
  wasserstein: "Wasserstein distance, in the values' unit", ks: "Kolmogorov-Smirnov distance", kolmogorov_smirnov: "Kolmogorov-Smirnov distance",
};
const EXAMPLE = { reference: 400, current: 200 };

function side(text) {
  const trimmed = text.trim();
  if (trimmed.startsWith("{") || trimmed.startsWith("[")) return JSON.parse(trimmed);
  const words = trimmed.split(/[\s,;]+/).filter(Boolean);
  const numbers = words.map(Number);
  return numbers.every(Number.isFinite) ? numbers : words;
}

function chance(p) {
  if (p === null) return "";
  if (p > 0.05) return `Differences like these come by chance alone in ${number(100 * p, 2)} % of cases (p = ${number(p, 2)}): no evidence that the two differ.`;
  return `By chance alone such a difference comes in ${number(100 * p, 2)} % of cases (p = ${number(p, 2)}): the two differ.`;
}

function show(answer) {
  find("chance").textContent = chance(answer.p_value);
  find("asymmetry").textContent = answer.asymmetry;
  find("measures").replaceChildren(...Object.entries(answer.measures).map(([name, value]) => make("tr", {}, cell(NAMES[name] || name.replaceAll("_", " ")),
    value === null ? cell(answer.why_none[name] || "–") : cell(number(value, 4), true))));
  find("answer").hidden = false;
  draw(find("figure"), answer.figure);
}

/** Response times: as ever, and with a fifth of them behind a lock. */
function example() {
  const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
  const seconds = (stuck) => 0.12 * Math.exp(0.35 * normal()) + (Math.random() < stuck ? 0.3 : 0);
  for (const [name, count] of Object.entries(EXAMPLE)) {
    find(name).value = Array.from({ length: count }, () => seconds(name === "current" ? 0.2 : 0).toFixed(4)).join(" ");
  }
}

for (const input of document.querySelectorAll("input[type=file]")) {
  input.onchange = async () => { find(input.dataset.for).value = await input.files[0].text(); };
}
find("example").onclick = example;
find("compare").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.submitter;
  banner("");
  button.disabled = true;
  try {
    show(await post("/ui/compare", { reference: side(find("reference").value), current: side(find("current").value) }));
  } catch (problem) {
    banner(problem instanceof SyntaxError ? `This is not JSON: ${problem.message}` : problem.message);
  } finally {
    button.disabled = false;
  }
});
