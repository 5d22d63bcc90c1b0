// The end of every scenario: the network is owed nothing.
import assert from 'node:assert/strict';
import { until } from './wait.mjs';

export async function quiet(simulator) {
  await until('every stanza to be answered', async () => (await simulator.unanswered()).length === 0).catch(async () => {
    assert.deepEqual(await simulator.unanswered(), []);
  });
  assert.deepEqual(await simulator.unknown(), [], 'requests that the simulated network did not understand');
}
