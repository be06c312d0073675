/** Figures come from the service as Plotly's JSON; here they get the page's text colour and the reader's clock. */

const SETTINGS = { displaylogo: false, responsive: true, displayModeBar: "hover", modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"] };
const INSTANT = /^\d{4}-\d\d-\d\dT/;

/** Instants of the service are UTC; Plotly shows what it is given. */
function local(text) {
  const at = new Date(`${text}Z`);
  return new Date(at - at.getTimezoneOffset() * 60000).toISOString().slice(0, -1);
}

const isInstant = (value) => typeof value === "string" && INSTANT.test(value);
const shifted = (values) => (Array.isArray(values) && isInstant(values[0]) ? values.map(local) : values);

function shape(drawn) {
  return isInstant(drawn.x0) ? { ...drawn, x0: local(drawn.x0), x1: local(drawn.x1) } : drawn;
}

const note = (written) => (isInstant(written.x) ? { ...written, x: local(written.x) } : written);

/** Every axis of time with the reader's clock; its first and last moment, too. */
function axes(layout) {
  const times = Object.entries(layout).filter(([name, axis]) => name.startsWith("xaxis") && axis.range);
  return Object.fromEntries(times.map(([name, axis]) => [name, { ...axis, range: shifted(axis.range) }]));
}

export function draw(place, figure) {
  const style = getComputedStyle(place);
  const font = { ...figure.layout.font, color: style.color };
  const hoverlabel = { font: { color: style.color }, bgcolor: style.getPropertyValue("--card") };
  const shapes = (figure.layout.shapes || []).map(shape);
  const annotations = (figure.layout.annotations || []).map(note);
  const layout = { ...figure.layout, ...axes(figure.layout), font, hoverlabel, shapes, annotations, autosize: true, uirevision: place.dataset.span || "kept" };
  return window.Plotly.react(place, figure.data.map((trace) => ({ ...trace, x: shifted(trace.x) })), layout, SETTINGS);
}
