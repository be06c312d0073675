/** Figures come from the service as Plotly's JSON; here they only get the page's text colour. */

const SETTINGS = { displaylogo: false, responsive: true, modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"] };

export function draw(place, figure) {
  const text = getComputedStyle(place).color;
  const layout = { ...figure.layout, font: { ...figure.layout.font, color: text }, autosize: true };
  return window.Plotly.react(place, figure.data, layout, SETTINGS);
}
