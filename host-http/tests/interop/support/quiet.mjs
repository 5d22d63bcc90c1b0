// The end of every scenario: the network is owed nothing.
import assert from 'node:assert/strict';
import { until } from './wait.mjs';

/** Requests of Baileys that concern nothing the simulated network has, by the form in which it counts them. */
const BEYOND = [];

export async function quiet(simulator) {
  await until('every stanza to be answered', async () => (await simulator.unanswered()).length === 0).catch(async () => {
    assert.deepEqual(await simulator.unanswered(), []);
  });
  const unknown = (await simulator.unknown()).filter(([what]) => !BEYOND.includes(what));
  assert.deepEqual(unknown, [], 'requests that the simulated network did not understand');
}
