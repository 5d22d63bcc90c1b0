// Writes vectors.json: a handshake and frames as Baileys makes them, and XEdDSA signatures by two implementations.
//
//   node generate.mjs <folder with node_modules: baileys 7.0.0-rc14, @noble/curves 1.9>
//
// Nothing is random: keys come from their names. The server's half is server.mjs; Baileys reads what it writes.
import { readFileSync, writeFileSync } from 'node:fs'
import { Server, fixed, folder, framed, hex, identity, pair, publicOf, require, sha256, sign, verify } from './server.mjs'

const lib = `${folder}/node_modules/baileys`
const { proto } = await import(`${lib}/WAProto/index.js`)
const { WA_CERT_DETAILS } = await import(`${lib}/lib/Defaults/index.js`)
const { makeNoiseHandler } = await import(`${lib}/lib/Utils/noise-handler.js`)
const curve = require('curve25519-js')
const libsignal = require('libsignal/src/curve.js')

const logger = { child: () => logger, trace() {}, level: 'silent' }
const server = identity(proto)
WA_CERT_DETAILS.PUBLIC_KEY = server.root.public
const [ephemeral, noiseKey] = [pair('client ephemeral'), pair('client static')]

async function handshake(routing, payload) {
	const client = makeNoiseHandler({ keyPair: ephemeral, NOISE_HEADER: Buffer.from([87, 65, 6, 3]), logger, routingInfo: routing })
	const hello = Buffer.from(proto.HandshakeMessage.encode({ clientHello: { ephemeral: ephemeral.public } }).finish())
	const first = client.encodeFrame(hello)
	const peer = new Server(proto, server)
	const answer = peer.answer(hello)
	const key = client.processHandshake(proto.HandshakeMessage.decode(answer), noiseKey)
	const finish = Buffer.from(
		proto.HandshakeMessage.encode({ clientFinish: { static: key, payload: client.encrypt(payload) } }).finish()
	)
	const last = client.encodeFrame(finish)
	await client.finishInit()
	const seen = peer.finish(finish)
	if (hex(seen.client) !== hex(noiseKey.public) || hex(seen.payload) !== hex(payload)) throw new Error('the halves differ')
	const frames = []
	for (const size of [0, 1, 15, 16, 17, 200, 1000]) {
		const plain = Buffer.alloc(size, size)
		const sent = client.encodeFrame(plain)
		if (hex(peer.open(sent.subarray(3))) !== hex(plain)) throw new Error('a frame does not open')
		const received = framed(peer.seal(plain))
		if (hex(client.decrypt(received.subarray(3))) !== hex(plain)) throw new Error('a frame does not open')
		frames.push({ plain: hex(plain), sent: hex(sent), received: hex(received) })
	}
	return {
		routing: routing && hex(routing),
		payload: hex(payload),
		hello: hex(first),
		answer: hex(framed(answer)),
		finish: hex(last),
		frames
	}
}

const signatures = Array.from({ length: 12 }, (_, i) => {
	const key = fixed(`signer ${i}`)
	const message = Buffer.alloc(i * i * 3, i)
	const random = Buffer.concat([sha256(Buffer.from([i, 1])), sha256(Buffer.from([i, 2]))])
	const signature = sign(key, message, random)
	const other = Buffer.from(curve.sign(key, message, random))
	if (!signature.equals(other)) throw new Error('the two implementations of XEdDSA differ')
	const point = Buffer.concat([Buffer.from([5]), publicOf(key)])
	if (!verify(publicOf(key), message, signature) || !libsignal.verifySignature(point, message, signature)) throw new Error('refused')
	const deterministic = libsignal.calculateSignature(key, message)
	if (!verify(publicOf(key), message, deterministic)) throw new Error('refused')
	return {
		private: hex(key),
		public: hex(publicOf(key)),
		message: hex(message),
		random: hex(random),
		signature: hex(signature),
		deterministic: hex(deterministic)
	}
})

const version = JSON.parse(readFileSync(`${lib}/package.json`)).version
const vectors = {
	by: `baileys ${version}`,
	root: hex(server.root.public),
	server_static: hex(server.leaf.public),
	chain: hex(server.chain),
	server: {
		static_private: hex(server.leaf.private),
		ephemeral_private: hex(fixed('server ephemeral'))
	},
	client: { ephemeral_private: hex(ephemeral.private), static_private: hex(noiseKey.private) },
	handshakes: [await handshake(undefined, Buffer.from('client payload')), await handshake(Buffer.from('0a0b0c', 'hex'), Buffer.alloc(300, 7))],
	xeddsa: signatures
}
writeFileSync(new URL('vectors.json', import.meta.url), `${JSON.stringify(vectors, null, '\t')}\n`)
