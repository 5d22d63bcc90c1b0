// The quiz in builderbot, with its mock provider and its database in memory. Arguments: conversations of a round, how many at
// once, rounds. One line per round; the first round is not printed, and each has a fresh bot, since the history only grows.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { check, quiz, round } from "./round.mjs";

const [conversations, atOnce, rounds] = process.argv.slice(2).map(Number);
// It writes its logs into the folder that it is started in.
const folder = mkdtempSync(join(tmpdir(), "builderbot-"));
process.chdir(folder);
const { addKeyword, createBot, createFlow, createProvider, MemoryDB, TestTool } = await import("@builderbot/bot");

const SECRET = 42;

function flow() {
  return addKeyword("quiz")
    .addAnswer("I have a number from 1 to 100.")
    .addAnswer("Your guess?", { capture: true }, async (ctx, { state, flowDynamic, fallBack, endFlow }) => {
      const guess = Number(ctx.body);
      if (!Number.isInteger(guess) || guess < 1 || guess > 100) return fallBack();
      const tries = (state.get("tries") ?? 0) + 1;
      await state.update({ tries, guess });
      if (guess === SECRET) return endFlow(`Yes, ${ctx.name}: it is ${guess}, after ${tries} tries.`);
      const side = guess < SECRET ? "low" : "high";
      await flowDynamic([`${guess} is too ${side}, ${ctx.name}: try ${tries}.`], { continue: false });
      return fallBack("Your guess?");
    });
}

async function talk(count) {
  const provider = createProvider(TestTool.TestProvider);
  const said = new Map();
  const waiting = new Map();
  provider.sendMessage = async (to, text) => void said.get(to).push(text);
  // A turn is over when all was said and the step that waits for an answer, or the end, is stored.
  const database = new MemoryDB();
  const save = database.save.bind(database);
  database.save = async (step) => {
    await save(step);
    const wanted = waiting.get(step.from);
    const rests = step.options?.capture || step.answer === "__end_flow__";
    if (rests && said.get(step.from).length === wanted.count) wanted.done();
  };
  await createBot({ flow: createFlow([flow()]), provider, database });
  let next = 0;
  const person = async () => {
    while (next < count) {
      const from = `5511${String(900000000 + next++)}`;
      said.set(from, []);
      let wanted = 0;
      for (const turn of quiz) {
        wanted += turn.said.length;
        const all = new Promise((done) => waiting.set(from, { count: wanted, done }));
        provider.emit("message", { from, body: turn.heard, name: "Ada" });
        await all;
      }
    }
  };
  const persons = () => Promise.all(Array.from({ length: atOnce }, person));
  await persons();
  for (const [from, texts] of said) check(`builderbot to ${from}`, texts);
  return said.size;
}

if ((await talk(conversations)) !== conversations) throw new Error("somebody was left out");
for (let n = 0; n < rounds; n++) {
  await round(conversations * quiz.length, () => talk(conversations));
}
process.chdir("/");
rmSync(folder, { recursive: true });
process.exit(0);
