// A conversation between Baileys and the host, each linked to a simulated phone of its own: links, turns, addresses,
// receipts, restarts. The cases build on each other, as a conversation does.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { Host } from './support/host.mjs';
import { Simulator } from './support/simulator.mjs';
import { Peer, Status, trust } from './support/baileys.mjs';
import { quiet } from './support/quiet.mjs';
import { scenario } from './support/steps.mjs';

const ANA = { name: 'Ana', phone: '15550001001' };
const BEN = { name: 'Ben', phone: '15550001002' };
const OUR_NUMBER = '15550001003';
const TURNS = 3;

for (const addressing of ['number', 'LID']) {
  scenario(`text both ways, addressed by ${addressing}`, (step) => {
    let simulator, host, ana, ours;
    /** Addresses of Baileys and of the host, without device. */
    let theirs, own;

    before(async () => {
      simulator = await Simulator.start();
      trust(simulator);
      // The phones say nothing: every receipt is one of the two clients.
      await simulator.addPerson(ANA.name, ANA.phone, { kind: 'silent' });
      await simulator.addPerson('Our phone', OUR_NUMBER, { kind: 'silent' });
      host = await Host.start(simulator);
      ana = await Peer.create(simulator, ANA.name);
    });

    after(async () => {
      await ana?.remove();
      await host?.remove();
      await simulator?.stop();
    });

    step('Baileys links by QR and logs in', async () => {
      await ana.linkByQr();
      assert.equal(ana.phone, ANA.phone);
      assert.match(ana.lid, /@lid$/);
    });

    step('the host links by QR and logs in', async () => {
      ours = await host.linkByQr(simulator, 'main', OUR_NUMBER);
      assert.ok(ours.jid.startsWith(`${OUR_NUMBER}:`), ours.jid);
      assert.match(ours.lid, /@lid$/);
      theirs = addressing === 'LID' ? bare(ana.lid) : bare(ana.jid);
      own = addressing === 'LID' ? bare(ours.lid) : bare(ours.jid);
    });

    step('Baileys starts: first a pkmsg, and after the answer a msg', async () => {
      for (let turn = 0; turn < TURNS; turn += 1) {
        const question = await ana.send(own, `question ${turn}`);
        await host.received('main', `question ${turn}`);
        await ana.reached(question, Status.DELIVERY_ACK);
        const answer = await host.send('main', theirs, `answer ${turn}`);
        await ana.received(`answer ${turn}`);
        // The session was opened by Baileys' first message, so every answer is in it already.
        assert.deepEqual(ana.kindsOf(answer), ['msg']);
        await host.reached('main', answer, 'delivered');
        await host.event('the delivery', ({ event, data }) => event === 'message.delivered' && data.id === answer);
        assert.deepEqual(ana.sentKinds(question, ours.jid), [turn === 0 ? 'pkmsg' : 'msg']);
      }
    });

    step('a read receipt arrives at the host, by API and as an event', async () => {
      const id = await host.send('main', theirs, 'read this');
      const shown = await ana.received('read this');
      await ana.socket.sendReceipts([shown.key], 'read');
      await host.reached('main', id, 'read');
      await host.event('the read receipt', ({ event, data }) => event === 'message.read' && data.id === id);
    });

    step('a read receipt arrives at Baileys', async () => {
      const id = await ana.send(own, 'and this');
      const shown = await host.received('main', 'and this');
      await host.markRead('main', shown);
      await ana.reached(id, Status.READ);
    });

    step('Baileys goes on after a restart from its stored state', async () => {
      await ana.restart();
      await exchange('after their restart');
    });

    step('the host goes on after it was killed and started again', async () => {
      await host.restart();
      await host.connected('main');
      await exchange('after our restart');
    });

    step('what was sent while the other was away comes afterwards, once', async () => {
      await ana.close();
      const waiting = await host.send('main', theirs, 'while you were out');
      await host.reached('main', waiting, 'sent');
      await ana.open();
      await ana.ready();
      await ana.received('while you were out');
      await host.reached('main', waiting, 'delivered');

      await host.stop();
      await ana.send(own, 'while you were down');
      await host.launch();
      await host.received('main', 'while you were down');
    });

    step('nothing that either side was sent stays unanswered, and nothing was unknown', () => quiet(simulator));

    async function exchange(text) {
      const one = await ana.send(own, `Baileys ${text}`);
      await host.received('main', `Baileys ${text}`);
      assert.deepEqual(ana.sentKinds(one, ours.jid), ['msg'], 'the session survived on both sides');
      const other = await host.send('main', theirs, `the host ${text}`);
      await ana.received(`the host ${text}`);
      assert.deepEqual(ana.kindsOf(other), ['msg'], 'the session survived on both sides');
      await ana.reached(one, Status.DELIVERY_ACK);
      await host.reached('main', other, 'delivered');
    }
  });
}

scenario('linked by pair code, and the host speaks first', (step) => {
  let simulator, host, ben, ours;

  before(async () => {
    simulator = await Simulator.start();
    trust(simulator);
    await simulator.addPerson(BEN.name, BEN.phone);
    await simulator.addPerson('Our phone', OUR_NUMBER);
    host = await Host.start(simulator);
    ben = await Peer.create(simulator, BEN.name);
  });

  after(async () => {
    await ben?.remove();
    await host?.remove();
    await simulator?.stop();
  });

  step('Baileys links by pair code and logs in', async () => {
    await ben.linkByCode(BEN.phone);
    assert.equal(ben.phone, BEN.phone);
  });

  step('the host links by pair code and logs in', async () => {
    ours = await host.linkByCode(simulator, 'main', OUR_NUMBER);
    assert.ok(ours.jid.startsWith(`${OUR_NUMBER}:`), ours.jid);
  });

  step('a pkmsg until the first answer, then msg', async () => {
    for (let turn = 0; turn < 2; turn += 1) {
      const id = await host.send('main', ben.phone, `unanswered ${turn}`);
      await ben.received(`unanswered ${turn}`);
      assert.deepEqual(ben.kindsOf(id), ['pkmsg']);
    }
    const answer = await ben.send(`${OUR_NUMBER}@s.whatsapp.net`, 'the first answer');
    await host.received('main', 'the first answer');
    assert.deepEqual(ben.sentKinds(answer, ours.jid), ['msg']);
    for (let turn = 0; turn < TURNS; turn += 1) {
      const id = await host.send('main', ben.phone, `answered ${turn}`);
      await ben.received(`answered ${turn}`);
      assert.deepEqual(ben.kindsOf(id), ['msg']);
      await ben.send(`${OUR_NUMBER}@s.whatsapp.net`, `answer ${turn}`);
      await host.received('main', `answer ${turn}`);
    }
  });

  step("both phones have their own devices' messages", async () => {
    const texts = async (phone, mine) =>
      (await simulator.inbox(phone)).messages.filter((shown) => shown.fromMe === mine).map((shown) => shown.content.text);
    assert.ok((await texts(BEN.phone, true)).includes('the first answer'));
    assert.ok((await texts(OUR_NUMBER, true)).includes('answered 0'));
    assert.ok((await texts(OUR_NUMBER, false)).includes('the first answer'));
    for (const phone of [BEN.phone, OUR_NUMBER]) assert.equal((await simulator.inbox(phone)).failures, 0);
  });

  step('nothing that either side was sent stays unanswered, and nothing was unknown', () => quiet(simulator));
});

function bare(jid) {
  return jid.replace(/:\d+@/, '@');
}
