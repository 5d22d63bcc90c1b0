// What both scripts share: the conversation as it has to be, and a round that is timed.
import { readFileSync } from "node:fs";

export const quiz = JSON.parse(readFileSync(new URL("quiz.json", import.meta.url)));

/// Fails unless a chat was told what it has to be told.
export function check(name, said) {
  const expected = JSON.stringify(quiz.flatMap((turn) => turn.said));
  if (JSON.stringify(said) !== expected) throw new Error(`${name} said ${JSON.stringify(said)}`);
}

/// Prints one line: turns, seconds, and processor seconds of this process.
export async function round(turns, work) {
  const [cpu, start] = [process.cpuUsage(), performance.now()];
  await work();
  const seconds = (performance.now() - start) / 1e3;
  const { user, system } = process.cpuUsage(cpu);
  console.log(turns, seconds, (user + system) / 1e6);
}
