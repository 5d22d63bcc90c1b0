// Fills a queue of graphile-worker, drains it by a task that does nothing, and prints how long both took, in
// milliseconds. Arguments: the database's address, the number of jobs.
import { Logger, run, runMigrations } from "graphile-worker";
import pg from "pg";

const [connectionString, number] = process.argv.slice(2);
const jobs = Number(number);
const pgPool = new pg.Pool({ connectionString, max: 10 });
// The library asks for both.
pgPool.on("error", () => {});
pgPool.on("connect", (client) => client.on("error", () => {}));

const silent = new Logger(() => () => {});
const preset = {
  worker: {
    concurrentJobs: 24,
    maxPoolSize: 10,
    localQueue: { size: 500 },
    completeJobBatchDelay: 0,
    failJobBatchDelay: 0,
    logger: silent,
  },
};

await runMigrations({ pgPool, logger: silent });
await pgPool.query("TRUNCATE graphile_worker._private_jobs CASCADE");

let start = performance.now();
for (let first = 0; first < jobs; first += 1000) {
  const specs = [];
  for (let n = first; n < Math.min(jobs, first + 1000); n++) {
    specs.push({ identifier: "nothing", payload: { number: n, variables: "x".repeat(64) } });
  }
  await pgPool.query(
    "SELECT graphile_worker.add_jobs(array(SELECT json_populate_record(null::graphile_worker.job_spec, value) " +
      "FROM json_array_elements($1::json)))",
    [JSON.stringify(specs)],
  );
}
const filled = performance.now() - start;

start = performance.now();
const runner = await run({ preset, pgPool, noHandleSignals: true, taskList: { nothing: () => {} } });
for (;;) {
  const { rows } = await pgPool.query("SELECT EXISTS (SELECT 1 FROM graphile_worker._private_jobs) AS left");
  if (!rows[0].left) break;
  await new Promise((done) => setTimeout(done, 5));
}
const drained = performance.now() - start;
await runner.stop();
await pgPool.end();
console.log(filled, drained);
