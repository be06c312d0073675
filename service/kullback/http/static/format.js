/** Numbers, times and ages as people read them; what is not known is a dash. */

const SI = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];
const NOTHING = "–";
const CLOCK = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium" });

const isKnown = (value) => value !== null && value !== undefined && Number.isFinite(value);

export function number(value, digits = 3) {
  if (!isKnown(value)) return NOTHING;
  const size = Math.abs(value);
  if (size && (size < 1e-4 || size >= 1e9)) return value.toExponential(digits - 1).replace("-", "−").replace("e+", "e");
  return value.toLocaleString("en", { maximumSignificantDigits: digits }).replace("-", "−");
}

export function quantity(value, unit) {
  if (!isKnown(value)) return NOTHING;
  if (unit === "s" && value && Math.abs(value) < 1) return `${number(value * 1000)} ms`;
  const [size, prefix] = SI.find(([bound]) => Math.abs(value) >= bound) || [1, ""];
  return `${number(value / size)} ${prefix}${unit}`.trim();
}

/** A difference: with its sign. */
export const change = (value, unit) => (value > 0 ? `+${quantity(value, unit)}` : quantity(value, unit));

export function age(thenMs) {
  if (!isKnown(thenMs)) return NOTHING;
  return `${span(Math.max(0, Date.now() - thenMs))} ago`;
}

export function span(lengthMs) {
  const seconds = Math.round(lengthMs / 1000);
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return seconds < 129600 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86400)} d`;
}

/** A point in time on the reader's clock. */
export const moment = (when) => (when ? CLOCK.format(new Date(when)) : NOTHING);

export const bytes = (count) => (isKnown(count) ? `${number(count / 2 ** 20)} MiB` : NOTHING);

export const labels = (pairs) => Object.entries(pairs).map(([name, value]) => `${name}="${value}"`).join(", ");
