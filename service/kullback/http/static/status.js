import { ask, keep } from "./api.js";
import { facts, find } from "./dom.js";
import { age, bytes, number, span } from "./format.js";

const REFRESH_MS = 5000;
const count = (value) => value.toLocaleString("en");

async function refresh() {
  const [status, configuration] = await Promise.all([ask("/api/v1/status"), ask("/api/v1/config")]);
  const { log } = status;
  facts(find("facts"), [
    ["Version", `${status.version}, Python ${status.python}`], ["Started", age(status.started_ms)],
    ["Ready", status.ready ? "yes" : `${number(100 * status.progress_ratio)} % replayed`],
    ["Streams", `${count(status.streams)} of ${count(status.max_streams)}`],
    ["Memory of the process", bytes(status.resident_bytes)], ["Memory per stream", `${count(status.bytes_per_stream)} bytes`],
    ["Samples waiting", `${count(status.queued_samples)} of ${count(status.max_queue_samples)}`],
    ["Newest log entry", count(log.last_offset)], ["Samples replayed at the start", count(status.replayed_samples)],
    ["Newest snapshot", log.snapshot_age_s === null ? "none yet" : `${span(1000 * log.snapshot_age_s)} old, covers ${count(log.snapshot_offset)}`],
    ["Snapshot problem", log.snapshot_problem || "none"]]);
  facts(find("states"), Object.entries(status.streams_by_state).map(([state, streams]) => [state.replaceAll("_", " "), count(streams)]));
  find("configuration").textContent = JSON.stringify(configuration, null, 2);
}

keep(refresh, REFRESH_MS);
