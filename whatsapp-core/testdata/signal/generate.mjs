// Makes sessions.json and groups.json with Baileys as a black box:
//   npm i baileys@7.0.0-rc14, then node generate.mjs from a folder where that resolves.
// Every key in the files is made here and used nowhere else.
import { createRequire } from 'node:module';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const require = createRequire(join(process.cwd(), 'generate.mjs'));
const curve = require('libsignal/src/curve');
const { makeLibSignalRepository } = await import(join(process.cwd(), 'node_modules/baileys/lib/Signal/libsignal.js'));

const hex = bytes => Buffer.from(bytes).toString('hex');

// Which keys each party draws, in order: the test feeds them to our side.
let drawing = null;
const { generateKeyPair } = curve;
curve.generateKeyPair = (...args) => {
    const pair = generateKeyPair(...args);
    drawing?.push(hex(pair.privKey));
    return pair;
};

const logger = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, child: () => logger };

class Party {
    constructor(user, registrationId) {
        this.jid = `${user}@lid`;
        const pair = () => {
            const { pubKey, privKey } = generateKeyPair();
            return { private: Buffer.from(privKey), public: Buffer.from(pubKey.slice(1)) };
        };
        const typed = key => Buffer.concat([Buffer.from([5]), key]);
        const identity = pair(), signed = pair();
        this.creds = {
            registrationId,
            signedIdentityKey: identity,
            signedPreKey: { keyId: 21, keyPair: signed, signature: curve.calculateSignature(identity.private, typed(signed.public)) },
        };
        this.data = { 'pre-key': { 300: pair(), 301: pair() } };
        this.preKeys = Object.entries(this.data['pre-key']).map(([id, key]) => ({ id: +id, private: hex(key.private) }));
        const keys = {
            get: async (type, ids) => Object.fromEntries(ids.filter(id => this.data[type]?.[id] != null).map(id => [id, this.data[type][id]])),
            set: async changes => {
                for (const type in changes) {
                    this.data[type] ??= {};
                    for (const id in changes[type]) this.data[type][id] = changes[type][id];
                }
            },
            transaction: async work => work(),
            isInTransaction: () => false,
        };
        this.repository = makeLibSignalRepository({ creds: this.creds, keys }, logger, async () => []);
        this.drawn = [];
        this.typed = typed;
    }

    async as(work) {
        drawing = this.drawn;
        try { return await work(); } finally { drawing = null; }
    }

    bundle(preKey) {
        const { signedPreKey: signed } = this.creds;
        const bundle = {
            registrationId: this.creds.registrationId,
            identityKey: this.typed(this.creds.signedIdentityKey.public),
            signedPreKey: { keyId: signed.keyId, publicKey: this.typed(signed.keyPair.public), signature: signed.signature },
        };
        if (preKey) bundle.preKey = { keyId: preKey, publicKey: this.typed(this.data['pre-key'][preKey].public) };
        return bundle;
    }

    initiate(peer, preKey) {
        return this.as(() => this.repository.injectE2ESession({ jid: peer.jid, session: peer.bundle(preKey) }));
    }

    async encrypt(peer, text) {
        const { type, ciphertext } = await this.as(() => this.repository.encryptMessage({ jid: peer.jid, data: Buffer.from(text) }));
        return { type, text, ciphertext: hex(ciphertext) };
    }

    async decrypt(peer, message) {
        const ciphertext = Buffer.from(message.ciphertext, 'hex');
        const plain = await this.as(() => this.repository.decryptMessage({ jid: peer.jid, type: message.type, ciphertext }));
        if (Buffer.from(plain).toString() !== message.text) throw new Error('decrypted to something else');
    }

    secrets() {
        const { signedIdentityKey, signedPreKey, registrationId } = this.creds;
        return {
            registration_id: registrationId,
            identity: hex(signedIdentityKey.private),
            signed_pre_key: { id: signedPreKey.keyId, private: hex(signedPreKey.keyPair.private), signature: hex(signedPreKey.signature) },
            pre_keys: this.preKeys,
        };
    }
}

/// A script is a list of words: `start us`, `start peer`, with an optional prekey id; `us n`, `peer n` sends message n;
/// `us < n` and `peer < n` receive it.
async function conversation(name, script) {
    const us = new Party('100', 7001), peer = new Party('200', 15002);
    const sides = { us, peer }, other = { us: peer, peer: us };
    const sent = {}, events = [];
    for (const line of script) {
        const [first, second, third] = line.split(' ');
        if (first === 'start') {
            const preKey = third ? +third : undefined;
            await sides[second].initiate(other[second], preKey);
            if (second === 'us') events.push({ start: preKey ?? null });
        } else if (second === '<') {
            await sides[first].decrypt(other[first], sent[third]);
            if (first === 'us') events.push({ receive: sent[third] });
        } else {
            sent[second] = await sides[first].encrypt(other[first], `${name}: message ${second}`);
            if (first === 'us') events.push({ send: sent[second] });
        }
    }
    const { signedIdentityKey, signedPreKey, registrationId } = peer.creds;
    return {
        name,
        us: us.secrets(),
        drawn: us.drawn,
        peer: {
            registration_id: registrationId,
            identity: hex(signedIdentityKey.public),
            signed_pre_key: { id: signedPreKey.keyId, public: hex(signedPreKey.keyPair.public), signature: hex(signedPreKey.signature) },
            pre_keys: peer.preKeys.map(({ id, private: key }) => ({ id, public: hex(curve.getPublicFromPrivateKey(Buffer.from(key, 'hex')).slice(-32)) })),
        },
        events,
    };
}

const turns = [];
for (let n = 10; n < 34; n += 2) turns.push(`us ${n}`, `peer < ${n}`, `peer ${n + 1}`, `us < ${n + 1}`);

const sessions = [
    await conversation('the peer starts', [
        'start peer 300', 'peer 1', 'peer 2', 'peer 3', 'us < 1', 'us < 2', 'us 4', 'us 5', 'peer < 5', 'peer < 4',
        'peer 6', 'us < 6', 'us < 3', ...turns,
    ]),
    await conversation('the peer starts without a one-time prekey', [
        'start peer', 'peer 1', 'us < 1', 'us 2', 'peer < 2', 'peer 3', 'us < 3', 'us 4', 'us 5', 'us 6', 'peer < 6', 'peer 7', 'us < 7', 'us 8',
    ]),
    await conversation('we start', [
        'start us 301', 'us 1', 'us 2', 'peer < 2', 'peer < 1', 'peer 3', 'peer 4', 'peer 5', 'us < 5', 'us 6', 'peer < 6', 'peer 7',
        'us < 7', 'us < 3', 'us < 4', ...turns,
    ]),
    await conversation('we start without a one-time prekey', [
        'start us', 'us 1', 'peer < 1', 'peer 2', 'us < 2', 'us 3', 'peer < 3', 'peer 4', 'us < 4', 'us 5',
    ]),
    // No further: Baileys steps the ratchet of its open session with a message of the other before it sees that the MAC
    // is wrong, and what it sends next nobody can read.
    await conversation('both start at once', [
        'start us 300', 'start peer 300', 'us 1', 'peer 2', 'us < 2', 'peer < 1', 'us 3', 'peer < 3', 'us 5', 'peer < 5',
    ]),
];

async function group() {
    const sender = new Party('200', 15002);
    const name = '120363000000000000@g.us';
    const encrypt = async text => {
        const { ciphertext } = await sender.repository.encryptGroupMessage({ group: name, meId: sender.jid, data: Buffer.from(text) });
        return { text, ciphertext: hex(ciphertext) };
    };
    const first = await sender.repository.encryptGroupMessage({ group: name, meId: sender.jid, data: Buffer.from('group: message 0') });
    // What the sender has stored once one message is out: chain and signing keys.
    const [stored] = JSON.parse(Buffer.from(Object.values(sender.data['sender-key'])[0]).toString());
    const { senderChainKey: chain, senderSigningKey: signing } = stored;
    const after_first = {
        id: stored.senderKeyId,
        iteration: chain.iteration,
        chain_key: hex(chain.seed.data),
        signing_private: hex(signing.private.data),
        signing_public: hex(signing.public.data.slice(1)),
    };
    const messages = [{ text: 'group: message 0', ciphertext: hex(first.ciphertext) }];
    for (let n = 1; n < 6; n++) messages.push(await encrypt(`group: message ${n}`));
    const again = await sender.repository.getSenderKeyDistributionMessage({ group: name, meId: sender.jid });
    messages.push(await encrypt('group: message 6'));
    return { after_first, distribution: hex(first.senderKeyDistributionMessage), distribution_again: hex(again), messages };
}

writeFileSync('sessions.json', JSON.stringify(sessions, null, 1) + '\n');
writeFileSync('groups.json', JSON.stringify(await group(), null, 1) + '\n');
process.exit(0);
