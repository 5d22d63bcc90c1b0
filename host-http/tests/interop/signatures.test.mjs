// Signatures, verified by an implementation that shares nothing with the project. Baileys' own check never says no,
// so that it accepts something proves nothing; here it only carries the bytes.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before } from 'node:test';
import { Curve, proto } from 'baileys';
import { Host } from './support/host.mjs';
import { Simulator } from './support/simulator.mjs';
import { Peer, children, descend, trust } from './support/baileys.mjs';
import { scenario } from './support/steps.mjs';
import { verify } from './support/xeddsa.mjs';

const EVE = { name: 'Eve', phone: '15550003001' };
const OUR_NUMBER = '15550003002';
const ACCOUNT = Buffer.from([6, 0]);
const DEVICE = Buffer.from([6, 1]);
const KEY_INDEX_LIST = Buffer.from([6, 2]);
const SERVICE = 's.whatsapp.net';

scenario('signatures', (step) => {
  let simulator, host, eve, ours;
  const handshakes = [];
  const unspy = spyOnHandshakes(handshakes);

  before(async () => {
    simulator = await Simulator.start();
    trust(simulator);
    await simulator.addPerson(EVE.name, EVE.phone);
    await simulator.addPerson('Our phone', OUR_NUMBER);
    host = await Host.start(simulator);
    eve = await Peer.create(simulator, EVE.name);
    await eve.linkByQr();
    ours = await host.linkByQr(simulator, 'main', OUR_NUMBER);
  });

  after(async () => {
    unspy();
    await eve?.remove();
    await host?.remove();
    await simulator?.stop();
  });

  step("the simulator's certificate chain, as it came in a handshake, leads to its root", () => {
    unspy();
    assert.ok(handshakes.length >= 2, 'one handshake to register, one to log in');
    const root = Buffer.from(simulator.trustRoot, 'hex');
    for (const { chain, serverStatic } of handshakes) {
      const { leaf, intermediate } = proto.CertChain.decode(chain);
      const { Details } = proto.CertChain.NoiseCertificate;
      const [upper, lower] = [Details.decode(intermediate.details), Details.decode(leaf.details)];
      signed('intermediate', root, [intermediate.details], intermediate.signature);
      signed('leaf', upper.key, [leaf.details], leaf.signature);
      assert.deepEqual(Buffer.from(lower.key), Buffer.from(serverStatic), 'the leaf is the static key of the handshake');
      assert.equal(upper.issuerSerial, 0);
      assert.equal(lower.issuerSerial, upper.serial);
      const now = Date.now() / 1000;
      for (const details of [upper, lower]) {
        assert.ok(Number(details.notBefore) <= now && now <= Number(details.notAfter), 'valid now');
      }
    }
  });

  step("the phone's signature over Baileys, from pair-success", () => {
    const stanza = eve.incoming('iq').find((frame) => descend(frame, 'pair-success'));
    const sealed = descend(stanza, 'pair-success', 'device-identity').content;
    const identity = proto.ADVSignedDeviceIdentity.decode(proto.ADVSignedDeviceIdentityHMAC.decode(sealed).details);
    const companion = eve.socket.authState.creds.signedIdentityKey.public;
    const parts = [ACCOUNT, identity.details, companion];
    signed('account', identity.accountSignatureKey, parts, identity.accountSignature);
    const details = proto.ADVDeviceIdentity.decode(identity.details);
    assert.equal(details.keyIndex, deviceOf(eve.jid));
  });

  step("our device's own signature, and the phone's over it, from our bundle", async () => {
    const { identity, node } = await bundle(ours.jid);
    const device = proto.ADVSignedDeviceIdentity.decode(descend(node, 'device-identity').content);
    assert.ok(!device.accountSignatureKey?.length, "the account's key is left out: it is known from the phone's own bundle");
    const account = (await bundle(`${OUR_NUMBER}@${SERVICE}`)).identity;
    signed('account', account, [ACCOUNT, device.details, identity], device.accountSignature);
    signed('device', identity, [DEVICE, device.details, identity, account], device.deviceSignature);
    const details = proto.ADVDeviceIdentity.decode(device.details);
    assert.equal(details.keyIndex, deviceOf(ours.jid));
  });

  step('signed prekeys: ours, and those of phones', async () => {
    for (const jid of [ours.jid, `${OUR_NUMBER}@${SERVICE}`, `${EVE.phone}@${SERVICE}`, eve.jid]) {
      const { identity, node } = await bundle(jid);
      const value = descend(node, 'skey', 'value').content;
      signed(`signed prekey of ${jid}`, identity, [[5], value], descend(node, 'skey', 'signature').content);
    }
  });

  step('key-index lists name every device and are signed by the phone', async () => {
    for (const [phone, device] of [[OUR_NUMBER, ours.jid], [EVE.phone, eve.jid]]) {
      const list = await keyIndexList(`${phone}@${SERVICE}`);
      const account = (await bundle(`${phone}@${SERVICE}`)).identity;
      signed(`list of ${phone}`, account, [KEY_INDEX_LIST, list.details], list.accountSignature);
      const { validIndexes } = proto.ADVKeyIndexList.decode(list.details);
      assert.ok(validIndexes.includes(deviceOf(device)), `${validIndexes} with ${device}`);
    }
  });

  step('what the network reports of the devices agrees with what the wire carried', async () => {
    const { devices, certificateChain } = await simulator.devices();
    const { identity, node } = await bundle(ours.jid);
    const report = devices.find(({ jid }) => jid === ours.jid);
    assert.equal(report.identity, identity.toString('base64'));
    // Bundles leave the account's key out; the report has all that the device sent.
    const reported = proto.ADVSignedDeviceIdentity.decode(Buffer.from(report.signedIdentity, 'base64'));
    assert.equal(Buffer.from(reported.accountSignatureKey).toString('base64'), report.account);
    reported.accountSignatureKey = null;
    const shown = proto.ADVSignedDeviceIdentity.decode(descend(node, 'device-identity').content);
    assert.deepEqual(reported.toJSON(), shown.toJSON());
    assert.equal(certificateChain, handshakes[0].chain.toString('base64'));
  });

  async function bundle(jid) {
    const answer = await eve.socket.query({
      tag: 'iq',
      attrs: { to: SERVICE, type: 'get', xmlns: 'encrypt' },
      content: [{ tag: 'key', attrs: {}, content: [{ tag: 'user', attrs: { jid } }] }],
    });
    const node = descend(answer, 'list', 'user');
    return { node, identity: Buffer.from(descend(node, 'identity').content) };
  }

  async function keyIndexList(jid) {
    const attrs = { sid: 'signatures', index: '0', last: 'true', mode: 'query', context: 'message' };
    const answer = await eve.socket.query({
      tag: 'iq',
      attrs: { to: SERVICE, type: 'get', xmlns: 'usync' },
      content: [
        {
          tag: 'usync',
          attrs,
          content: [
            { tag: 'query', attrs: {}, content: [{ tag: 'devices', attrs: { version: '2' } }] },
            { tag: 'list', attrs: {}, content: [{ tag: 'user', attrs: { jid } }] },
          ],
        },
      ],
    });
    const [user] = children(descend(answer, 'usync', 'list'), 'user');
    return proto.ADVSignedKeyIndexList.decode(descend(user, 'devices', 'key-index-list').content);
  }
});

/** Asserts a signature, and that it stops being one when any part of it is touched. */
function signed(what, key, parts, signature) {
  const bytes = parts.map((part) => Buffer.from(part));
  assert.ok(verify(key, bytes, signature), `${what}: the signature verifies`);
  // A different bit each time, yet the same for the same bytes.
  const seed = createHash('sha256').update(signature).digest();
  const bit = seed.readUInt16BE(0) % (signature.length * 8);
  assert.ok(!verify(key, bytes, flipped(signature, bit)), `${what}: not with bit ${bit} of the signature flipped`);
  bytes.forEach((part, at) => {
    const changed = bytes.with(at, flipped(part, seed.readUInt16BE(2) % (part.length * 8)));
    assert.ok(!verify(key, changed, signature), `${what}: not with part ${at} changed`);
  });
  assert.ok(!verify(flipped(key, seed[4] % 255), bytes, signature), `${what}: not with another key`);
}

function flipped(bytes, bit) {
  const copy = Buffer.from(bytes);
  copy[bit >> 3] ^= 1 << (bit & 7);
  return copy;
}

function deviceOf(jid) {
  return Number(/:(\d+)@/.exec(jid)[1]);
}

/**
 * Notes what Baileys decrypts in each handshake: the chain as it came, and the server's static key. It agrees on a key
 * with that static right before it decodes the chain, and the exported objects through which it does both are open.
 */
function spyOnHandshakes(seen) {
  const { sharedKey } = Curve;
  const { decode } = proto.CertChain;
  let last;
  Curve.sharedKey = (own, other) => {
    last = other;
    return sharedKey(own, other);
  };
  proto.CertChain.decode = (bytes, ...rest) => {
    if (last) seen.push({ chain: Buffer.from(bytes), serverStatic: Buffer.from(last) });
    last = undefined;
    return decode(bytes, ...rest);
  };
  return () => {
    Curve.sharedKey = sharedKey;
    proto.CertChain.decode = decode;
  };
}
