// Cases that build on each other: once one fails, those behind it fail at once and say so, and waste no time waiting.
import { describe, test } from 'node:test';

/** Like `describe`; its callback gets a `step` that is used like `test`. */
export function scenario(name, body) {
  describe(name, () => {
    let broken;
    const step = (what, run) =>
      test(what, async () => {
        if (broken) throw new Error(`not tried, since "${broken}" failed`);
        try {
          await run();
        } catch (error) {
          broken = what;
          throw error;
        }
      });
    body(step);
  });
}
