// Writes vectors.json: fictitious stanzas and what another implementation encodes them to.
//
//   node generate.mjs <folder of an unpacked baileys 7.0.0-rc14>
//
// An attribute is [name, text] or [name, {jid}]; content is {text}, {hex}, {zeros: count}, {tags: [child names]} or a
// list of nodes. The bytes are hex where encoding must give just these, packed where they must only decode to the node,
// and a sha256 where they are many. Baileys has no typed addresses: it sees them in the text. The forms that it does not
// write (addresses of other networks) are in foreign.json.
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { deflateSync } from 'node:zlib'

const baileys = process.argv[2]
const { encodeBinaryNode } = await import(`${baileys}/lib/WABinary/encode.js`)
const { SINGLE_BYTE_TOKENS, DOUBLE_BYTE_TOKENS } = await import(`${baileys}/lib/WABinary/constants.js`)
const version = JSON.parse(readFileSync(`${baileys}/package.json`)).version

const text = value => (typeof value === 'string' ? value : value.jid)
const body = content => {
	if (content === undefined) return undefined
	if (Array.isArray(content)) return content.map(plain)
	if (content.tags) return content.tags.map(tag => ({ tag, attrs: {} }))
	if (content.text !== undefined) return content.text
	return content.zeros === undefined ? Buffer.from(content.hex, 'hex') : Buffer.alloc(content.zeros)
}
const plain = node => ({
	tag: node.tag,
	attrs: Object.fromEntries((node.attrs ?? []).map(([key, value]) => [key, text(value)])),
	content: body(node.content)
})
const numbered = (count, make) => Array.from({ length: count }, (_, i) => make(i))

const nodes = {
	'an element alone': { tag: 'iq' },
	'attributes of the dictionary': { tag: 'iq', attrs: [['type', 'get'], ['xmlns', 'w:g2'], ['mode', 'read-self']] },
	'single-byte table': { tag: 'list', content: { tags: SINGLE_BYTE_TOKENS.slice(1) } },
	...Object.fromEntries(
		DOUBLE_BYTE_TOKENS.map((tags, i) => [`double-byte table ${i}`, { tag: 'list', content: { tags } }])
	),
	'addresses': {
		tag: 'message',
		attrs: [
			['service', { jid: '@s.whatsapp.net' }],
			['number', { jid: '919876500001@s.whatsapp.net' }],
			['device', { jid: '919876500001:7@s.whatsapp.net' }],
			['highest', { jid: '919876500001:255@s.whatsapp.net' }],
			['lid', { jid: '100000000000001@lid' }],
			['lid-device', { jid: '100000000000001:33@lid' }],
			['hosted', { jid: '919876500002:99@hosted' }],
			['hosted-lid', { jid: '100000000000002:99@hosted.lid' }],
			['group', { jid: '120363000000000001@g.us' }],
			['old-group', { jid: '919876500001-1500000000@g.us' }],
			['status', { jid: 'status@broadcast' }],
			['channel', { jid: '120363000000000002@newsletter' }],
			['bot', { jid: '867051314767696@bot' }],
			['legacy', { jid: '0@c.us' }]
		]
	},
	'packed digits': {
		tag: 'ack',
		attrs: [
			['even', '12345678'],
			['odd', '123456789'],
			['signs', '12345.67890-1'],
			['hex', '3EB0ABCDEF0123456789'],
			['odd-hex', 'ABCDEF012345678'],
			['lower', 'abcdef'],
			['both', '12-AB'],
			['one', '-'],
			['letter', 'F'],
			['long', '9'.repeat(127)],
			['longer', '9'.repeat(128)],
			['long-hex', 'A'.repeat(126)],
			['empty', '']
		]
	},
	'strings': {
		tag: 'not-in-the-dictionary',
		attrs: [['name', 'Zoë 漢字 🙂'], ['long', 'x'.repeat(255)], ['longer', 'y'.repeat(256)], ['made-up', 'Hello, world']]
	},
	'text content of the dictionary': { tag: 'error', content: { text: 'not-authorized' } },
	'text content of digits': { tag: 'ref', content: { text: '1700000000' } },
	'text content': { tag: 'body', content: { text: 'Some words' } },
	'no bytes': { tag: 'enc', content: { hex: '' } },
	'some bytes': { tag: 'enc', attrs: [['v', '2'], ['type', 'msg']], content: { hex: '00ff10203040f8fcfdfe' } },
	'255 bytes': { tag: 'enc', content: { zeros: 255 } },
	'256 bytes': { tag: 'enc', content: { zeros: 256 } },
	'1,048,575 bytes': { tag: 'enc', content: { zeros: 1048575 } },
	'1,048,576 bytes': { tag: 'enc', content: { zeros: 1048576 } },
	'no children': { tag: 'list', content: [] },
	'255 children': { tag: 'list', content: { tags: Array(255).fill('item') } },
	'256 children': { tag: 'list', content: { tags: Array(256).fill('item') } },
	'127 attributes': { tag: 'props', attrs: numbered(127, i => [`p${i}`, `${i}`]) },
	'128 attributes': { tag: 'props', attrs: numbered(128, i => [`p${i}`, `${i}`]) },
	'a message': {
		tag: 'message',
		attrs: [
			['to', { jid: '120363000000000001@g.us' }],
			['id', '3EB00123456789ABCDEF01'],
			['type', 'text'],
			['addressing_mode', 'lid'],
			['phash', '2:AbCdEf+/']
		],
		content: [
			{
				tag: 'participants',
				content: [
					{
						tag: 'to',
						attrs: [['jid', { jid: '100000000000001:2@lid' }]],
						content: [{ tag: 'enc', attrs: [['v', '2'], ['type', 'pkmsg']], content: { hex: '33080112' } }]
					},
					{
						tag: 'to',
						attrs: [['jid', { jid: '100000000000003@lid' }]],
						content: [{ tag: 'enc', attrs: [['v', '2'], ['type', 'msg']], content: { hex: '33080a' } }]
					}
				]
			},
			{ tag: 'enc', attrs: [['v', '2'], ['type', 'skmsg']], content: { hex: '3308ffee' } },
			{ tag: 'device-identity', content: { hex: '0a0b0c' } }
		]
	},
	'a device list': {
		tag: 'iq',
		attrs: [['from', { jid: '@s.whatsapp.net' }], ['type', 'result'], ['id', '12345.678-9']],
		content: [
			{
				tag: 'usync',
				attrs: [['mode', 'query'], ['context', 'message'], ['last', 'true']],
				content: [
					{
						tag: 'list',
						content: numbered(3, i => ({
							tag: 'user',
							attrs: [['jid', { jid: `9198765000${10 + i}@s.whatsapp.net` }]],
							content: [
								{
									tag: 'devices',
									content: [
										{
											tag: 'device-list',
											content: [
												{ tag: 'device', attrs: [['id', '0']] },
												{ tag: 'device', attrs: [['id', `${i + 3}`], ['key-index', `${i + 1}`]] }
											]
										},
										{ tag: 'key-index-list', attrs: [['ts', `170000000${i}`]] }
									]
								}
							]
						}))
					}
				]
			}
		]
	}
}

const vectors = []
for (const [name, node] of Object.entries(nodes)) {
	const bytes = encodeBinaryNode(plain(node))
	const vector = { name, by: `baileys ${version}`, node }
	if (bytes.length < 1 << 16) vector.hex = bytes.toString('hex')
	else vector.sha256 = createHash('sha256').update(bytes).digest('hex')
	vectors.push(vector)
	if (name === 'a device list') {
		const folded = Buffer.concat([Buffer.from([2]), deflateSync(bytes.subarray(1))])
		vectors.push({ name: 'compressed', by: `baileys ${version} and zlib`, node, packed: folded.toString('hex') })
	}
}
const foreign = JSON.parse(readFileSync(new URL('foreign.json', import.meta.url)))
const line = vector => JSON.stringify(vector)
writeFileSync(
	new URL('vectors.json', import.meta.url),
	`[\n${[...vectors, ...foreign].map(line).join(',\n')}\n]\n`
)
