// Writes vectors.json: what a whole Baileys socket sends while it is linked by a pair code, to a server in this process.
//
//   node generate.mjs <folder with node_modules: baileys 7.0.0-rc14, @noble/curves 1.9>
//
// Keys come from their names. The random bytes that Baileys draws come from a counter and are recorded, so that the other
// implementation can be made to draw the same. Stanzas are given as they leave the frame cipher, in hex.
import nodeCrypto, { createCipheriv, createHmac, hkdfSync, pbkdf2Sync } from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import { readFileSync, writeFileSync } from 'node:fs'
import { Server, agree, fixed, folder, framed, gcmOpen, hex, identity, pair, require, sha256, sign, verify } from '../noise/server.mjs'

let drawn = 0
const bytes = size => {
	const out = Buffer.concat(Array.from({ length: Math.ceil(size / 32) }, (_, i) => sha256(Buffer.from(`drawn ${drawn} ${i}`))))
	drawn += 1
	return out.subarray(0, size)
}
const draws = []
nodeCrypto.randomBytes = size => {
	const out = Buffer.from(bytes(size))
	draws.push(hex(out))
	return out
}
syncBuiltinESMExports()

const lib = `${folder}/node_modules/baileys`
const { proto } = await import(`${lib}/WAProto/index.js`)
const { WA_CERT_DETAILS } = await import(`${lib}/lib/Defaults/index.js`)
const { encodeBinaryNode, decodeBinaryNode } = await import(`${lib}/lib/WABinary/index.js`)
const { default: makeWASocket } = await import(`${lib}/lib/index.js`)
const { WebSocketServer } = require('ws')

const [phone, phoneEphemeral] = ['phone', 'phone ephemeral'].map(pair)
const [noiseKey, ephemeral, identityKey, preKey] = ['noise', 'companion ephemeral', 'companion', 'prekey'].map(pair)
const typed = Buffer.concat([Buffer.from([5]), preKey.public])
const noises = new Server(proto, identity(proto))
WA_CERT_DETAILS.PUBLIC_KEY = identity(proto).root.public
const random64 = name => Buffer.concat([sha256(Buffer.from(name)), sha256(Buffer.from(`${name}'`))])

const CODE = 'K3X9WMA1'
const PHONE = '15550001111'
const first = fixed('first adv secret')
const creds = {
	noiseKey,
	pairingEphemeralKeyPair: ephemeral,
	signedIdentityKey: identityKey,
	signedPreKey: { keyPair: preKey, keyId: 1, signature: sign(identityKey.private, typed, random64('prekey')) },
	registrationId: 4660,
	advSecretKey: first.toString('base64'),
	nextPreKeyId: 1,
	firstUnuploadedPreKeyId: 1,
	accountSyncCounter: 0,
	accountSettings: { unarchiveChats: false },
	processedHistoryMessages: [],
	registered: false
}

// The server: one connection, one stanza at a time.
const service = new WebSocketServer({ port: 0, host: '127.0.0.1' })
const waiting = []
const inbox = []
let socket
let buffer = Buffer.alloc(0)
let stage = 'hello'
const stanza = test => new Promise(resolve => waiting.push({ test, resolve }))
const deliver = () => {
	for (const item of [...inbox]) {
		const at = waiting.findIndex(({ test }) => test(item.node))
		if (at < 0) continue
		inbox.splice(inbox.indexOf(item), 1)
		waiting.splice(at, 1)[0].resolve(item)
	}
}
async function onFrame(frame) {
	if (stage === 'hello') {
		stage = 'finish'
		return socket.send(framed(noises.answer(frame)))
	}
	if (stage === 'finish') {
		noises.finish(frame)
		stage = 'open'
		return send({ tag: 'iq', attrs: { from: 's.whatsapp.net', type: 'set', id: 'pair-1', xmlns: 'md' }, content: [
			{ tag: 'pair-device', attrs: {}, content: [1, 2].map(i => ({ tag: 'ref', attrs: {}, content: Buffer.from(`2@ref${i}`) })) }
		] })
	}
	const plain = noises.open(frame)
	inbox.push({ plain, node: await decodeBinaryNode(plain) })
	deliver()
}
const send = node => {
	const plain = encodeBinaryNode(node)
	socket.send(framed(noises.seal(plain)))
	return hex(plain)
}
service.on('connection', connection => {
	socket = connection
	connection.on('message', data => {
		buffer = Buffer.concat([buffer, data])
		if (stage === 'hello' && buffer.subarray(0, 2).toString() === 'WA') buffer = buffer.subarray(4)
		while (buffer.length >= 3 && buffer.length >= 3 + buffer.readUIntBE(0, 3)) {
			const frame = buffer.subarray(3, 3 + buffer.readUIntBE(0, 3))
			buffer = buffer.subarray(3 + frame.length)
			onFrame(frame)
		}
	})
})
await new Promise(resolve => service.once('listening', resolve))

const logger = { level: 'silent', child: () => logger, trace() {}, debug() {}, info() {}, warn() {}, error() {} }
const client = makeWASocket({
	auth: { creds, keys: { get: async () => ({}), set: async () => {} } },
	waWebSocketUrl: `ws://127.0.0.1:${service.address().port}`,
	browser: ['Linux', 'Chrome', ''],
	version: [2, 3000, 1],
	logger
})
const update = (name, pick) =>
	new Promise(resolve => client.ev.on(name, event => pick(event) !== undefined && resolve(pick(event))))
const qr = await update('connection.update', ({ qr }) => qr)
const paired = update('creds.update', ({ account, me, platform }) => account && { account, me, platform })

const codeKey = salt => pbkdf2Sync(CODE, salt, 131072, 32, 'sha256')
const ctr = (key, iv, data) => createCipheriv('aes-256-ctr', key, iv).update(data)

// Companion's hello.
const isStage = name => ({ content }) => Array.isArray(content) && content[0].attrs.stage === name
const helloDraws = draws.length
const [hello] = await Promise.all([stanza(isStage('companion_hello')), client.requestPairingCode(PHONE, CODE)])
const helloRandom = draws.slice(helloDraws)
const child = (node, tag) => node.content[0].content.find(item => item.tag === tag).content
const wrapped = Buffer.from(child(hello.node, 'link_code_pairing_wrapped_companion_ephemeral_pub'))
const unwrapped = ctr(codeKey(wrapped.subarray(0, 32)), wrapped.subarray(32, 48), wrapped.subarray(48))
if (!unwrapped.equals(ephemeral.public)) throw new Error('the wrapped key is another')
const answer = send({ tag: 'iq', attrs: { from: 's.whatsapp.net', type: 'result', id: hello.node.attrs.id }, content: [
	{ tag: 'link_code_companion_reg', attrs: { stage: 'companion_hello' }, content: [
		{ tag: 'link_code_pairing_ref', attrs: {}, content: Buffer.from('2@pairing') }
	] }
] })

// The code is typed on the phone.
const [salt, iv] = [sha256(Buffer.from('salt')), sha256(Buffer.from('iv')).subarray(0, 16)]
const finishDraws = draws.length
const primaryHello = send({ tag: 'notification', attrs: { from: 's.whatsapp.net', type: 'link_code_companion_reg', id: 'n1' }, content: [
	{ tag: 'link_code_companion_reg', attrs: { stage: 'primary_hello' }, content: [
		{ tag: 'link_code_pairing_ref', attrs: {}, content: Buffer.from('2@pairing') },
		{ tag: 'link_code_pairing_wrapped_primary_ephemeral_pub', attrs: {}, content: Buffer.concat([salt, iv, ctr(codeKey(salt), iv, phoneEphemeral.public)]) },
		{ tag: 'primary_identity_pub', attrs: {}, content: phone.public }
	] }
] })
const finish = await stanza(isStage('companion_finish'))
const finishRandom = draws.slice(finishDraws)
send({ tag: 'iq', attrs: { from: 's.whatsapp.net', type: 'result', id: finish.node.attrs.id } })

// What the phone makes of it.
const bundle = Buffer.from(child(finish.node, 'link_code_pairing_wrapped_key_bundle'))
const shared = agree(phoneEphemeral.private, ephemeral.public)
const bundleKey = Buffer.from(hkdfSync('sha256', shared, bundle.subarray(0, 32), 'link_code_pairing_key_bundle_encryption_key', 32))
const opener = nodeCrypto.createDecipheriv('aes-256-gcm', bundleKey, bundle.subarray(32, 44))
opener.setAuthTag(bundle.subarray(-16))
const opened = Buffer.concat([opener.update(bundle.subarray(44, -16)), opener.final()])
if (!opened.subarray(0, 64).equals(Buffer.concat([identityKey.public, phone.public]))) throw new Error('the bundle is another')
const secret = Buffer.from(hkdfSync('sha256', Buffer.concat([shared, agree(phone.private, identityKey.public), opened.subarray(64)]), '', 'adv_secret', 32))

// It signs the companion.
const signIn = (accountType, deviceType, secret) => {
	const details = Buffer.from(proto.ADVDeviceIdentity.encode({ rawId: 77, timestamp: 1790000000, keyIndex: 3, accountType, deviceType }).finish())
	const prefix = type => Buffer.from([6, type === 1 ? 5 : 0])
	const message = Buffer.concat([prefix(deviceType), details, identityKey.public])
	const accountSignature = sign(phone.private, message, random64('account'))
	const inner = Buffer.from(proto.ADVSignedDeviceIdentity.encode({ details, accountSignatureKey: phone.public, accountSignature }).finish())
	const hmac = createHmac('sha256', secret).update(accountType === 1 ? prefix(1) : Buffer.alloc(0)).update(inner).digest()
	return { details, sealed: Buffer.from(proto.ADVSignedDeviceIdentityHMAC.encode({ details: inner, hmac, accountType }).finish()) }
}
const { details, sealed } = signIn(0, 0, secret)
const success = content => ({ tag: 'iq', attrs: { from: 's.whatsapp.net', type: 'set', id: 'success-1', t: '1790000000' }, content: [
	{ tag: 'pair-success', attrs: {}, content: [
		{ tag: 'device-identity', attrs: {}, content },
		{ tag: 'platform', attrs: { name: 'android' } },
		{ tag: 'device', attrs: { jid: `${PHONE}:3@s.whatsapp.net`, lid: '900000000000001:3@lid' } }
	] }
] })
const pairSuccess = send(success(sealed))
const signed = await stanza(({ content }) => Array.isArray(content) && content[0].tag === 'pair-device-sign')
const { account, me } = await paired
const reply = Buffer.from(signed.node.content[0].content[0].content)
const { deviceSignature } = proto.ADVSignedDeviceIdentity.decode(reply)
const deviceMessage = Buffer.concat([Buffer.from([6, 1]), details, identityKey.public, phone.public])
if (!verify(identityKey.public, deviceMessage, Buffer.from(deviceSignature))) throw new Error('the device signature does not verify')

// The lists that other devices see, and the variants of hosted accounts.
const list = Buffer.from(proto.ADVKeyIndexList.encode({ rawId: 77, timestamp: 1790000000, currentIndex: 5, validIndexes: [0, 2, 5], accountType: 0 }).finish())
const keyIndexList = Buffer.from(
	proto.ADVSignedKeyIndexList.encode({
		details: list,
		accountSignature: sign(phone.private, Buffer.concat([Buffer.from([6, 2]), list]), random64('list')),
		accountSignatureKey: phone.public
	}).finish()
)
const hosted = signIn(1, 1, first).sealed

const version = JSON.parse(readFileSync(`${lib}/package.json`)).version
const vectors = {
	by: `baileys ${version}`,
	keys: Object.fromEntries(
		Object.entries({ phone, phoneEphemeral, noise: noiseKey, companionEphemeral: ephemeral, companion: identityKey })
			.map(([name, key]) => [name.replace(/[A-Z]/, letter => `_${letter.toLowerCase()}`), hex(key.private)])
	),
	first_adv_secret: hex(first),
	qr,
	code: CODE,
	number: PHONE,
	companion_hello: { random: helloRandom, stanza: hex(hello.plain) },
	companion_hello_answer: answer,
	primary_hello: { random: [hex(salt), hex(iv)], stanza: primaryHello },
	companion_finish: { random: finishRandom, stanza: hex(finish.plain) },
	adv_secret: hex(secret),
	adv_secret_at_companion: hex(Buffer.from(creds.advSecretKey, 'base64')),
	pair_success: pairSuccess,
	pair_device_sign: hex(signed.plain),
	account: hex(proto.ADVSignedDeviceIdentity.encode(account).finish()),
	jid: me.id,
	lid: me.lid,
	hosted_device_identity: hex(hosted),
	key_index_list: hex(keyIndexList)
}
if (vectors.adv_secret !== vectors.adv_secret_at_companion) throw new Error('the secrets differ')
writeFileSync(new URL('vectors.json', import.meta.url), `${JSON.stringify(vectors, null, '\t')}\n`)
process.exit(0)
