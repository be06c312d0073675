/** The dialog that asks before something is done. */

import { find } from "./dom.js";

/** A time as `<input type=datetime-local>` holds it. */
const written = (atMs) => new Date(atMs - new Date(atMs).getTimezoneOffset() * 60000).toISOString().slice(0, 19);

/**
 * False when it was cancelled, else true; with a `span` of two times, `{start, end, reason}` as they were chosen.
 */
export function confirmed(title, text, span = null) {
  const dialog = find("confirm");
  find("confirm-title").textContent = title;
  find("confirm-text").textContent = text;
  find("confirm-span").hidden = !span;
  for (const [index, name] of ["start", "end"].entries()) {
    find(name).value = span ? written(span[index]) : "";
    find(name).required = Boolean(span);
  }
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.onclose = () => resolve(dialog.returnValue === "yes" && (span ? chosen() : true));
  });
}

function chosen() {
  const [start, end] = ["start", "end"].map((name) => new Date(find(name).value).toISOString());
  return { start, end, reason: find("reason").value || "marked on the page" };
}
