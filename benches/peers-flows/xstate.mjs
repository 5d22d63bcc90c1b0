// The quiz in xstate's pure functions: a step is `transition`, and between turns the state is JSON, as it would be in a
// database. Arguments: conversations of a round, rounds. One line per round after a warm-up; the last line are the bytes of
// the snapshots that wait.
import { assign, initialTransition, setup, transition } from "xstate";
import { check, quiz, round } from "./round.mjs";

const [conversations, rounds] = process.argv.slice(2).map(Number);

const SECRET = 42;
const is = (guess) => Number.isInteger(guess) && guess >= 1 && guess <= 100;

const machine = setup({
  actions: { say: () => {} },
  guards: {
    starts: ({ event }) => event.text === "quiz",
    isRight: ({ event }) => Number(event.text) === SECRET,
    isLow: ({ event }) => is(Number(event.text)) && Number(event.text) < SECRET,
    isHigh: ({ event }) => is(Number(event.text)) && Number(event.text) > SECRET,
  },
}).createMachine({
  id: "quiz",
  context: ({ input }) => ({ name: input.name, tries: 0 }),
  initial: "idle",
  states: {
    idle: {
      on: {
        message: {
          guard: "starts",
          target: "guess",
          actions: { type: "say", params: "I have a number from 1 to 100." },
        },
      },
    },
    guess: {
      entry: { type: "say", params: "Your guess?" },
      on: {
        message: [
          {
            guard: "isRight",
            target: "done",
            actions: [
              assign({ tries: ({ context }) => context.tries + 1, guess: ({ event }) => Number(event.text) }),
              {
                type: "say",
                params: ({ context }) => `Yes, ${context.name}: it is ${context.guess}, after ${context.tries} tries.`,
              },
            ],
          },
          ...["low", "high"].map((side) => ({
            guard: side === "low" ? "isLow" : "isHigh",
            target: "guess",
            reenter: true,
            actions: [
              assign({ tries: ({ context }) => context.tries + 1, guess: ({ event }) => Number(event.text) }),
              {
                type: "say",
                params: ({ context }) =>
                  `${context.guess} is too ${side}, ${context.name}: try ${context.tries}.`,
              },
            ],
          })),
          { target: "guess", reenter: true },
        ],
      },
    },
    done: { type: "final" },
  },
});

function talk(said, sizes) {
  let [state] = initialTransition(machine, { name: "Ada" });
  let stored = JSON.stringify(machine.getPersistedSnapshot(state));
  for (const { heard } of quiz) {
    const read = machine.resolveState(JSON.parse(stored));
    const [next, actions] = transition(machine, read, { type: "message", text: heard });
    for (const action of actions) if (action.type === "say") said.push(action.params);
    stored = JSON.stringify(machine.getPersistedSnapshot(next));
    if (next.status === "active") sizes?.push(stored.length);
  }
  if (JSON.parse(stored).status !== "done") throw new Error("the quiz is not over");
}

const [said, sizes] = [[], []];
talk(said, sizes);
check("xstate", said);
const many = () => {
  let count = 0;
  for (let n = 0; n < conversations; n++) {
    const said = [];
    talk(said);
    count += said.length;
  }
  if (count !== conversations * 7) throw new Error("a message is missing");
};
many();
for (let n = 0; n < rounds; n++) await round(conversations * quiz.length, many);
console.log(...sizes);
