// Waiting for a condition, with a deadline and a reason; nothing in this suite sleeps for a fixed time.
import { setTimeout as pause } from 'node:timers/promises';

/** How long anything may take on a loaded machine before it counts as lost. */
export const PATIENCE_MS = Number(process.env.PATIENCE_MS ?? 60_000);

/**
 * Asks `probe` until it gives something truthy, and gives that. An exception of `probe` counts as "not yet".
 * @param {string} what said when the deadline passes
 */
export async function until(what, probe, patience = PATIENCE_MS) {
  const deadline = Date.now() + patience;
  let last;
  for (;;) {
    try {
      const found = await probe();
      if (found) return found;
      last = found;
    } catch (error) {
      last = error;
    }
    if (Date.now() >= deadline) {
      const detail = last instanceof Error ? `: ${last.message}` : '';
      throw new Error(`waited ${patience} ms in vain for ${what}${detail}`, { cause: last });
    }
    await pause(25);
  }
}

/** `promise`, or an error that names what did not come. */
export async function within(what, promise, patience = PATIENCE_MS) {
  const stop = new AbortController();
  const late = pause(patience, undefined, { signal: stop.signal }).then(() => {
    throw new Error(`waited ${patience} ms in vain for ${what}`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    stop.abort();
    late.catch(() => {});
  }
}
