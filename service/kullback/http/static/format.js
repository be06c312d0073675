/** Numbers, times and ages as people read them. */

const SI = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];

export function number(value, digits = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  return value === 0 ? "0" : Number(value.toPrecision(digits)).toLocaleString("en", { maximumSignificantDigits: digits });
}

export function quantity(value, unit) {
  if (value === null || !Number.isFinite(value)) return "–";
  if (unit === "s" && Math.abs(value) < 1) return `${number(value * 1000)} ms`;
  const [size, prefix] = SI.find(([bound]) => Math.abs(value) >= bound) || [1, ""];
  return `${number(value / size)} ${prefix}${unit}`.trim();
}

export const percent = (ratio) => (ratio === null ? "–" : `${number(100 * ratio)} %`);

export function age(thenMs) {
  const seconds = Math.max(0, Math.round((Date.now() - thenMs) / 1000));
  if (seconds < 90) return `${seconds} s ago`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
  return seconds < 129600 ? `${Math.round(seconds / 3600)} h ago` : `${Math.round(seconds / 86400)} d ago`;
}

export const moment = (text) => (text ? new Date(text).toLocaleString() : "–");

export const labels = (pairs) => Object.entries(pairs).map(([name, value]) => `${name}="${value}"`).join(", ");
