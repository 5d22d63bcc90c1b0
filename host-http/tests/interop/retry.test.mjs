// Ciphertexts that are damaged on their way: the receiver asks again, the sender sends again, the text arrives once.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { Host } from './support/host.mjs';
import { Simulator } from './support/simulator.mjs';
import { Peer, descend, trust } from './support/baileys.mjs';
import { quiet } from './support/quiet.mjs';
import { scenario } from './support/steps.mjs';

const DORA = { name: 'Dora', phone: '15550002001' };
const OUR_NUMBER = '15550002002';

scenario('damaged on the way', (step) => {
  let simulator, host, dora, ours, own;

  before(async () => {
    simulator = await Simulator.start();
    trust(simulator);
    await simulator.addPerson(DORA.name, DORA.phone);
    await simulator.addPerson('Our phone', OUR_NUMBER);
    host = await Host.start(simulator);
    dora = await Peer.create(simulator, DORA.name);
    await dora.linkByQr();
    ours = await host.linkByQr(simulator, 'main', OUR_NUMBER);
    own = `${OUR_NUMBER}@s.whatsapp.net`;
  });

  after(async () => {
    await dora?.remove();
    await host?.remove();
    await simulator?.stop();
  });

  for (const kind of ['pkmsg', 'msg']) {
    step(`a ${kind} that our side cannot decrypt leads to a retry and then to the text`, async () => {
      await simulator.corruptNext(ours.jid);
      const id = await dora.send(own, `damaged ${kind} for us`);
      assert.deepEqual(dora.sentKinds(id, ours.jid), [kind]);
      await host.received('main', `damaged ${kind} for us`);
      await host.event('the failure', ({ event, data }) => event === 'message.undecryptable' && data.message.id === id);
      assert.equal(retriesAsked(dora, id), 1, 'our side asked once');
    });

    step(`the conversation goes on after the damaged ${kind}`, async () => {
      for (let turn = 0; turn < 2; turn += 1) {
        await host.send('main', DORA.phone, `ours, ${kind} ${turn}`);
        await dora.received(`ours, ${kind} ${turn}`);
        await dora.send(own, `theirs, ${kind} ${turn}`);
        await host.received('main', `theirs, ${kind} ${turn}`);
      }
    });
  }

  step('a message that Baileys cannot decrypt is sent again by us', async () => {
    await simulator.corruptNext(dora.jid);
    const id = await host.send('main', DORA.phone, 'damaged for them');
    await dora.received('damaged for them');
    const kinds = dora.kindsOf(id);
    assert.equal(kinds[0], 'msg', 'the first copy was damaged');
    assert.ok(kinds.length >= 2, `it was sent again: ${kinds}`);
    await host.reached('main', id, 'delivered');
  });

  step('the conversation goes on after that', async () => {
    await dora.send(own, 'are you there?');
    await host.received('main', 'are you there?');
    await host.send('main', DORA.phone, 'yes');
    await dora.received('yes');
  });

  step('Baileys cannot decrypt the first message of a restarted host, and gets it again', async () => {
    await host.restart();
    await host.connected('main');
    await simulator.corruptNext(dora.jid);
    const id = await host.send('main', DORA.phone, 'damaged after the restart');
    await dora.received('damaged after the restart');
    await host.reached('main', id, 'delivered');
  });

  step('nothing that either side was sent stays unanswered, and nothing was unknown', () => quiet(simulator));
});

/** How many retry receipts for one of its messages Baileys was handed. */
function retriesAsked(peer, id) {
  const asks = peer.incoming('receipt', ({ attrs }) => attrs.id === id && attrs.type === 'retry');
  asks.forEach((ask) => assert.ok(descend(ask, 'retry'), 'a retry receipt says how often it asked'));
  return asks.length;
}
