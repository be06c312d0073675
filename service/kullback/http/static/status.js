import { ask } from "./api.js";
import { facts, find } from "./dom.js";
import { age, number } from "./format.js";

const mebibytes = (bytes) => (bytes === null ? "–" : `${number(bytes / 2 ** 20)} MiB`);

async function refresh() {
  const [status, configuration] = await Promise.all([ask("/api/v1/status"), ask("/api/v1/config")]);
  facts(find("facts"), [
    ["Version", status.version], ["Started", age(status.started_ms)], ["Ready", status.ready ? "yes" : `${number(100 * status.progress_ratio)} % replayed`],
    ["Streams", `${status.streams} of ${status.max_streams}`], ["Memory", mebibytes(status.resident_bytes)], ["Per stream", `${status.bytes_per_stream} B`],
    ["Queued samples", `${status.queued_samples} of ${status.max_queue_samples}`], ["Log offset", String(status.log.last_offset)],
    ["Snapshot", status.log.snapshot_age_s === null ? "none yet" : `${number(status.log.snapshot_age_s)} s old`], ["Snapshot problem", status.log.snapshot_problem || "none"]]);
  find("configuration").textContent = JSON.stringify(configuration, null, 2);
}

refresh();
setInterval(refresh, 5000);
