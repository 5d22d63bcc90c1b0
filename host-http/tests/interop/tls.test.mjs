// The same over wss://: both clients check the simulator's certificate against the authority that it prints.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { Host } from './support/host.mjs';
import { Simulator } from './support/simulator.mjs';
import { Peer, trust } from './support/baileys.mjs';
import { quiet } from './support/quiet.mjs';
import { scenario } from './support/steps.mjs';
import { until } from './support/wait.mjs';

const GUS = { name: 'Gus', phone: '15550005001' };
const OUR_NUMBER = '15550005002';

scenario('over TLS', (step) => {
  let simulator, host, gus, ours, directory, authority;

  before(async () => {
    simulator = await Simulator.start({ tls: true });
    assert.match(simulator.url, /^wss:/);
    trust(simulator);
    directory = await mkdtemp(join(tmpdir(), 'interop-tls-'));
    authority = join(directory, 'authority.pem');
    await writeFile(authority, simulator.certificate);
    await simulator.addPerson(GUS.name, GUS.phone);
    await simulator.addPerson('Our phone', OUR_NUMBER);
  });

  after(async () => {
    await gus?.remove();
    await host?.remove();
    await simulator?.stop();
    if (directory) await rm(directory, { recursive: true, force: true });
  });

  step('Baileys refuses the certificate as long as it does not know its authority', async () => {
    const stranger = await Peer.create(simulator, 'Stranger');
    await stranger.open();
    await until('Baileys to give up', () => stranger.state === 'closed');
    assert.equal(stranger.qr, undefined);
    assert.ok(stranger.log.some((line) => /certificate/.test(line)), stranger.log.join('\n'));
    await stranger.remove();
  });

  step('the host refuses it likewise, and keeps trying', async () => {
    const stranger = await Host.start(simulator);
    await stranger.call('POST', '/sessions', { id: 'stranger' });
    const refused = () => /certificate|UnknownIssuer|tls/i.test(JSON.stringify(stranger.events) + stranger.process.log.join());
    await until('the host to say why it is not connected', refused);
    const { status } = await stranger.session('stranger');
    assert.notEqual(status, 'connected');
    await stranger.remove();
  });

  step('Baileys links once it knows', async () => {
    gus = await Peer.create(simulator, GUS.name, { agent: new Agent({ ca: simulator.certificate }) });
    await gus.linkByQr();
  });

  step('the host links once it knows', async () => {
    host = await Host.start(simulator, { args: ['--tls-ca', authority] });
    ours = await host.linkByQr(simulator, 'main', OUR_NUMBER);
  });

  step('text both ways', async () => {
    await gus.send(`${OUR_NUMBER}@s.whatsapp.net`, 'privately');
    await host.received('main', 'privately');
    await host.send('main', GUS.phone, 'very');
    await gus.received('very');
    assert.ok(ours.lid);
  });

  step('nothing that either side was sent stays unanswered, and nothing was unknown', () => quiet(simulator));
});
