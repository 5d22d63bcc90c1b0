// What the generators of vectors share: fixed keys, XEdDSA on @noble/curves, and a server's side of the handshake on
// node's own primitives.
import { createCipheriv, createDecipheriv, createHash, createPrivateKey, createPublicKey, diffieHellman, hkdfSync } from 'node:crypto'
import { createRequire } from 'node:module'

/** Modules are taken from `folder/node_modules`: baileys 7.0.0-rc14 and @noble/curves 1.9 (npm i there). */
export const folder = process.argv[2]
export const require = createRequire(`${folder}/x.js`)
export const sha256 = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest()
const sha512 = (...parts) => createHash('sha512').update(Buffer.concat(parts)).digest()
export const hex = bytes => Buffer.from(bytes).toString('hex')

const { ed25519 } = require('@noble/curves/ed25519')
const Point = ed25519.Point
const Fp = ed25519.CURVE.Fp
const ORDER = ed25519.CURVE.n
const number = bytes => BigInt(`0x${hex(Buffer.from(bytes).reverse()) || '0'}`)
const little = value => Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse()
const mod = (value, by) => ((value % by) + by) % by

/** An X25519 private key, clamped, that depends on its name only. */
export const fixed = name => {
	const key = sha256(Buffer.from(`vector ${name}`))
	key[0] &= 248
	key[31] = (key[31] & 127) | 64
	return key
}
const DER_PRIVATE = Buffer.from('302e020100300506032b656e04220420', 'hex')
const DER_PUBLIC = Buffer.from('302a300506032b656e032100', 'hex')
const nodePrivate = key => createPrivateKey({ key: Buffer.concat([DER_PRIVATE, key]), format: 'der', type: 'pkcs8' })
export const publicOf = key => createPublicKey(nodePrivate(key)).export({ format: 'der', type: 'spki' }).subarray(12)
export const pair = name => ({ private: fixed(name), public: publicOf(fixed(name)) })
export const agree = (own, peer) =>
	diffieHellman({
		privateKey: nodePrivate(own),
		publicKey: createPublicKey({ key: Buffer.concat([DER_PUBLIC, peer]), format: 'der', type: 'spki' })
	})

/** XEdDSA as deployed: the sign of the Edwards point in the last bit, the scalar as it is. */
export const sign = (key, message, random) => {
	const scalar = mod(number(key), ORDER)
	const point = Buffer.from(Point.BASE.multiply(scalar).toBytes())
	const prefix = Buffer.alloc(32, 0xff)
	prefix[0] = 0xfe
	const nonce = mod(number(sha512(prefix, key, message, random)), ORDER)
	const commitment = Buffer.from(Point.BASE.multiply(nonce).toBytes())
	const challenge = mod(number(sha512(commitment, point, message)), ORDER)
	const signature = Buffer.concat([commitment, little(mod(nonce + challenge * scalar, ORDER))])
	signature[63] |= point[31] & 0x80
	return signature
}
export const verify = (key, message, signature) => {
	const u = number(key)
	const edwards = little(Fp.mul(Fp.sub(u, 1n), Fp.inv(Fp.add(u, 1n))))
	edwards[31] |= signature[63] & 0x80
	const response = Buffer.from(signature.subarray(32))
	response[31] &= 0x7f
	const challenge = mod(number(sha512(signature.subarray(0, 32), edwards, message)), ORDER)
	const expected = Point.BASE.multiply(number(response)).subtract(Point.fromHex(hex(edwards)).multiply(challenge))
	return hex(expected.toBytes()) === hex(signature.subarray(0, 32))
}

/** Certificates of a root, valid from 2020 to 2100. */
export const identity = proto => {
	const [root, intermediate, leaf] = ['root', 'intermediate', 'leaf'].map(pair)
	const certify = (serial, issuerSerial, subject, issuer, name) => {
		const Details = proto.CertChain.NoiseCertificate.Details
		const valid = { notBefore: 1577836800, notAfter: 4102444800 }
		const details = Buffer.from(Details.encode({ serial, issuerSerial, key: subject.public, ...valid }).finish())
		const random = Buffer.concat([sha256(Buffer.from(name)), sha256(Buffer.from(`${name}2`))])
		return { details, signature: sign(issuer.private, details, random) }
	}
	const chain = proto.CertChain.encode({
		leaf: certify(41, 40, leaf, intermediate, 'leaf'),
		intermediate: certify(40, 0, intermediate, root, 'intermediate')
	}).finish()
	return { root, leaf, chain: Buffer.from(chain) }
}

const iv = counter => {
	const bytes = Buffer.alloc(12)
	bytes.writeUInt32BE(counter, 8)
	return bytes
}
export const gcmSeal = (key, counter, aad, plain) => {
	const cipher = createCipheriv('aes-256-gcm', key, iv(counter)).setAAD(aad)
	return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}
export const gcmOpen = (key, counter, aad, sealed) => {
	const cipher = createDecipheriv('aes-256-gcm', key, iv(counter)).setAAD(aad)
	cipher.setAuthTag(sealed.subarray(-16))
	return Buffer.concat([cipher.update(sealed.subarray(0, -16)), cipher.final()])
}
export const framed = bytes => Buffer.concat([Buffer.from([bytes.length >> 16, (bytes.length >> 8) & 255, bytes.length & 255]), bytes])

/** The server's side of one XX handshake. */
export class Server {
	hash = Buffer.from('Noise_XX_25519_AESGCM_SHA256\0\0\0\0')
	salt = this.hash
	counter = 0
	ephemeral = pair('server ephemeral')

	constructor(proto, { leaf, chain }) {
		Object.assign(this, { proto, leaf, chain })
		this.authenticate(Buffer.from([87, 65, 6, 3]))
	}
	authenticate(bytes) {
		this.hash = sha256(this.hash, bytes)
	}
	derive(secret) {
		const out = Buffer.from(hkdfSync('sha256', secret, this.salt, '', 64))
		return [out.subarray(0, 32), out.subarray(32)]
	}
	mix(secret) {
		;[this.salt, this.key] = this.derive(secret)
		this.counter = 0
	}
	encrypt(plain) {
		const sealed = gcmSeal(this.key, this.counter++, this.hash, plain)
		this.authenticate(sealed)
		return sealed
	}
	decrypt(sealed) {
		const plain = gcmOpen(this.key, this.counter++, this.hash, sealed)
		this.authenticate(sealed)
		return plain
	}
	/** Client's hello in, own hello out; both without the frame. */
	answer(hello) {
		const client = this.proto.HandshakeMessage.decode(hello).clientHello.ephemeral
		this.authenticate(client)
		this.authenticate(this.ephemeral.public)
		this.mix(agree(this.ephemeral.private, client))
		const key = this.encrypt(this.leaf.public)
		this.mix(agree(this.leaf.private, client))
		const payload = this.encrypt(this.chain)
		const serverHello = { ephemeral: this.ephemeral.public, static: key, payload }
		return Buffer.from(this.proto.HandshakeMessage.encode({ serverHello }).finish())
	}
	/** Client's last message in; its static key and payload out. */
	finish(message) {
		const { clientFinish } = this.proto.HandshakeMessage.decode(message)
		const client = this.decrypt(Buffer.from(clientFinish.static))
		this.mix(agree(this.ephemeral.private, client))
		const payload = this.decrypt(Buffer.from(clientFinish.payload))
		;[this.readKey, this.writeKey] = this.derive(Buffer.alloc(0))
		this.read = this.written = 0
		return { client, payload }
	}
	seal(plain) {
		return gcmSeal(this.writeKey, this.written++, Buffer.alloc(0), plain)
	}
	open(sealed) {
		return gcmOpen(this.readKey, this.read++, Buffer.alloc(0), sealed)
	}
}
