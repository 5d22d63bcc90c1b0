// kill -9 in the middle of sending, again and again, on one data directory. What the host accepted must arrive, once.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { after, before } from 'node:test';
import { Host } from './support/host.mjs';
import { Simulator } from './support/simulator.mjs';
import { Peer, textOf, trust } from './support/baileys.mjs';
import { Refused } from './support/http.mjs';
import { quiet } from './support/quiet.mjs';
import { scenario } from './support/steps.mjs';
import { until } from './support/wait.mjs';

const MESSAGES = 500;
const INCOMING = 100;
const KILLS = 6;
const SENDERS = 4;
/** Receives, with a phone and with Baileys. */
const FAY = { name: 'Fay', phone: '15550004001' };
/** Writes to us all the while, from a phone. Not Baileys: busy both ways at once, it uses one message key twice. */
const HAL = { name: 'Hal', phone: '15550004003' };
const OUR_NUMBER = '15550004002';
const SEED = Number(process.env.KILL_SEED ?? randomInt(2 ** 32));

scenario(`killed ${KILLS} times while sending ${MESSAGES} messages (KILL_SEED=${SEED})`, (step) => {
  let simulator, host, fay, accepted, refused, incoming;

  before(async () => {
    simulator = await Simulator.start();
    trust(simulator);
    await simulator.addPerson(FAY.name, FAY.phone);
    await simulator.addPerson(HAL.name, HAL.phone);
    await simulator.addPerson('Our phone', OUR_NUMBER);
    host = await Host.start(simulator);
    fay = await Peer.create(simulator, FAY.name);
    await fay.linkByQr();
    await host.linkByQr(simulator, 'main', OUR_NUMBER);
  });

  after(async () => {
    await fay?.remove();
    await host?.remove();
    await simulator?.stop();
  });

  step('every message is posted, over all the kills', async () => {
    const random = mulberry32(SEED);
    const kills = new Set();
    while (kills.size < KILLS) kills.add(1 + Math.floor(random() * (MESSAGES - 1)));
    const talking = talk();
    ({ accepted, refused } = await postAll(host, kills, random));
    incoming = await talking;
    assert.equal(accepted.size + refused.length, MESSAGES);
    assert.deepEqual(refused, [], 'none was refused while the host was up');
    await host.connected('main');
  });

  step('the phone of the receiver holds every accepted message, each once, and decrypted all', async () => {
    const texts = (inbox) => inbox.messages.filter((shown) => !shown.fromMe).map((shown) => shown.content.text);
    const inbox = await until('every accepted message to arrive at the phone', async () => {
      const now = await simulator.inbox(FAY.phone);
      const shown = new Set(texts(now));
      return [...accepted.keys()].every((text) => shown.has(text)) && now;
    });
    everyOneOnce(texts(inbox));
    assert.equal(inbox.failures, 0, 'failures to decrypt');
  });

  step("so does Baileys, the receiver's other device", async () => {
    // Baileys tells its application of every copy that the service carries; one message is what has one id.
    const texts = () => {
      const byId = new Map(fay.messages.filter(({ key }) => !key.fromMe).map((shown) => [shown.key.id, textOf(shown)]));
      return [...byId.values()].filter(Boolean);
    };
    await until('every accepted message to arrive at Baileys', () => {
      const shown = new Set(texts());
      return [...accepted.keys()].every((text) => shown.has(text));
    });
    everyOneOnce(texts());
    const failed = fay.messages.filter((shown) => shown.messageStubType);
    assert.deepEqual(failed, [], 'failures to decrypt');
  });

  step('the host shows everything that it was sent meanwhile, each once, and decrypted all', async () => {
    const shown = await until('every message to us to be shown', async () => {
      const all = (await host.allMessages('main')).filter((message) => !message.fromMe);
      return all.length >= INCOMING && all;
    });
    assert.deepEqual(shown.map(({ content }) => content.text).sort(), incoming.sort());
    assert.deepEqual(host.events.filter(({ event }) => event === 'message.undecryptable'), []);
  });

  step('the host says of every accepted message that it was delivered', async () => {
    const pending = new Set(accepted.values());
    await until('every message to be delivered', async () => {
      for (const { id, status } of await host.allMessages('main')) {
        if (status === 'delivered' || status === 'read') pending.delete(id);
      }
      return pending.size === 0;
    });
  });

  step('nothing that either side was sent stays unanswered, and nothing was unknown', () => quiet(simulator));

  /** Somebody writes to us, whether the host is up or not. */
  async function talk() {
    const said = [];
    for (let number = 0; number < INCOMING; number += 1) {
      said.push(`meanwhile ${number}`);
      await simulator.say(HAL.phone, OUR_NUMBER, said.at(-1));
      // As fast as the host answers requests, so that it spreads over all the kills.
      await host.session('main').catch(() => {});
    }
    return said;
  }

  function everyOneOnce(texts) {
    const twice = texts.filter((text, at) => texts.indexOf(text) !== at);
    assert.deepEqual(twice, [], 'shown twice');
    const strange = texts.filter((text) => !/^message \d+(\.\d+)?$/.test(text));
    assert.deepEqual(strange, [], 'shown, but never posted');
  }
});

/**
 * Posts every message until it is accepted, killing the host when the numbers in `kills` are reached. A post that was
 * cut off may or may not have counted, so what follows it has another text: what was accepted stays provable.
 */
async function postAll(host, kills, random) {
  const accepted = new Map();
  const refused = [];
  let next = 0;
  let restarting = Promise.resolve();

  const post = async (number) => {
    for (let attempt = 0; ; attempt += 1) {
      const text = attempt === 0 ? `message ${number}` : `message ${number}.${attempt}`;
      await restarting;
      try {
        accepted.set(text, await host.send('main', FAY.phone, text));
        return;
      } catch (error) {
        if (error instanceof Refused) return refused.push(error.message);
        // The connection broke under it: the host was killed.
      }
    }
  };
  const sender = async () => {
    while (next < MESSAGES) {
      const number = next;
      next += 1;
      const posting = post(number);
      if (kills.delete(number)) {
        // Somewhere between the request and its answer, or shortly after it.
        for (let turns = Math.floor(random() * 40); turns > 0; turns -= 1) await new Promise(setImmediate);
        restarting = restarting.then(() => host.restart());
      }
      await posting;
    }
  };
  await Promise.all(Array.from({ length: SENDERS }, sender));
  await restarting;
  return { accepted, refused };
}

/** A small seeded generator of numbers in [0, 1). */
function mulberry32(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
