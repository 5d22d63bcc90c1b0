// Writes plaintexts.json: what Baileys' own functions make of a content, of the copy for own devices, and of padding.
//
//   node plaintexts.mjs <folder with node_modules: baileys 7.0.0-rc14>
//
// The interop suite generates them anew and compares: a file that is out of date fails there.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const hex = bytes => Buffer.from(bytes).toString('hex')
const secret = Buffer.alloc(32, 7)
const key = { remoteJid: '15550000001@s.whatsapp.net', fromMe: false, id: '3EB0AA' }

/** Contents as an application hands them to Baileys, and what our side calls them; `null` for what is not shown. */
const contents = [
	// Our client writes these with the same bytes, apart from its random message secret.
	{ name: 'a text', written: true, message: { text: 'Grüße 👋' }, content: { type: 'text', text: 'Grüße 👋' } },
	{
		name: 'a place',
		written: true,
		message: { location: { degreesLatitude: 52.5, degreesLongitude: -13.25, name: 'Here', address: 'A street 1' } },
		content: { type: 'location', latitude: 52.5, longitude: -13.25, name: 'Here', address: 'A street 1' }
	},
	{
		name: 'a card',
		written: true,
		message: { contacts: { contacts: [{ displayName: 'Ann', vcard: 'BEGIN:VCARD\nEND:VCARD' }] } },
		content: { type: 'contact', name: 'Ann', vcard: 'BEGIN:VCARD\nEND:VCARD' }
	},
	{
		name: 'a poll with many choices',
		written: true,
		message: { poll: { name: 'Which?', values: ['a', 'b', 'c'], selectableCount: 2, messageSecret: secret } },
		content: { type: 'poll', question: 'Which?', options: ['a', 'b', 'c'], selectable: 2 }
	},
	// Baileys asks for one choice in a newer version of the same message.
	{
		name: 'a poll with one choice',
		message: { poll: { name: 'Which?', values: ['a', 'b'], selectableCount: 1, messageSecret: secret } },
		content: { type: 'poll', question: 'Which?', options: ['a', 'b'], selectable: 1 }
	},
	{
		name: 'a reaction',
		message: { react: { text: '👍', key, senderTimestampMs: 1764000000000 } },
		content: { type: 'reaction', emoji: '👍', message_id: '3EB0AA' }
	},
	{
		name: 'a tap on a button',
		message: { buttonReply: { id: 'yes', displayText: 'Yes' }, type: 'plain' },
		content: { type: 'choice', of: 'buttons', id: 'yes', title: 'Yes' }
	},
	{
		name: "a tap on a template's button",
		message: { buttonReply: { id: 'stop', displayText: 'Stop', index: 1 }, type: 'template' },
		content: { type: 'choice', of: 'buttons', id: 'stop', title: 'Stop' }
	},
	{
		name: 'a tap on a row',
		message: { listReply: { title: 'Red', listType: 1, singleSelectReply: { selectedRowId: 'r' } } },
		content: { type: 'choice', of: 'list', id: 'r', title: 'Red' }
	},
	{
		name: 'several cards',
		message: { contacts: { displayName: '2', contacts: [{ displayName: 'A' }, { displayName: 'B' }] } },
		content: { type: 'unsupported', kind: 'contacts_array_message' }
	},
	{
		name: 'an event',
		message: { event: { name: 'Party', startDate: new Date(1764000000000), messageSecret: secret } },
		content: { type: 'unsupported', kind: 'event_message' }
	},
	{
		name: 'an invitation',
		message: { groupInvite: { inviteCode: 'c', inviteExpiration: 1764000000, text: 'Join', jid: '1@g.us', subject: 'S' } },
		content: { type: 'unsupported', kind: 'group_invite_message' }
	},
	{
		name: 'an album',
		message: { album: { expectedImageCount: 2, expectedVideoCount: 1 } },
		content: { type: 'unsupported', kind: 'album_message' }
	},
	{ name: 'a kind without a name', message: { requestPhoneNumber: true }, content: { type: 'unsupported', kind: 'unknown' } },
	{ name: 'a message that is taken back', message: { delete: key }, content: null },
	{ name: 'the timer of a chat', message: { disappearingMessagesInChat: 86400 }, content: null }
]

/** Edits and deletions of own messages, and what our side calls them: the id, and the new content or none. */
const own = { ...key, fromMe: true }
const edits = [
	{ name: 'an edited text', message: { text: 'new', edit: own }, edit: { id: '3EB0AA', content: { type: 'text', text: 'new' } } },
	{ name: 'a message that is taken back', message: { delete: own }, edit: { id: '3EB0AA', content: null } },
	{ name: 'a message of somebody else that is taken back', message: { delete: key }, edit: null }
]

/** The vectors, from the Baileys that is installed in a folder. */
export async function generate(folder) {
	const baileys = await import(pathToFileURL(`${resolve(folder)}/node_modules/baileys/lib/index.js`))
	const { proto, generateWAMessageContent, encodeWAMessage, unpadRandomMax16, writeRandomPadMax16 } = baileys
	const encode = message => proto.Message.encode(message).finish()
	const cases = []
	for (const { name, written = false, message, content } of contents) {
		const made = await generateWAMessageContent(structuredClone(message), {})
		// It is random otherwise.
		if (made.messageContextInfo?.messageSecret) made.messageContextInfo.messageSecret = secret
		const padded = encodeWAMessage(made)
		assert.deepEqual(unpadRandomMax16(padded), new Uint8Array(encode(made)))
		cases.push({ name, written, content, hex: hex(encode(made)) })
	}
	const changes = []
	for (const { name, message, edit } of edits) {
		const made = await generateWAMessageContent(structuredClone(message), {})
		// The time and the secret differ otherwise.
		if (made.protocolMessage.timestampMs) made.protocolMessage.timestampMs = 1764000000000
		for (const one of [made, made.protocolMessage.editedMessage]) {
			if (one?.messageContextInfo?.messageSecret) one.messageContextInfo.messageSecret = secret
		}
		changes.push({ name, edit, hex: hex(encode(made)) })
	}
	return { by: 'baileys 7.0.0-rc14', contents: cases, edits: changes, copies: copies(encode), padding: padding(writeRandomPadMax16) }
}

/** Copies for own devices as `relayMessage` nests them. */
function copies(encode) {
	const messageContextInfo = { messageSecret: secret }
	return [
		{ destinationJid: '15550000002@s.whatsapp.net', message: { conversation: 'hi' } },
		{ destinationJid: '123@lid', message: { extendedTextMessage: { text: 'hi' }, messageContextInfo } }
	].map(({ destinationJid, message }) => {
		const copy = { deviceSentMessage: { destinationJid, message }, messageContextInfo: message.messageContextInfo }
		return { destination: destinationJid, message: hex(encode(message)), hex: hex(encode(copy)) }
	})
}

/** One plaintext with every padding that the function makes: it draws the length, so it is called until all came. */
function padding(pad) {
	const found = new Map()
	while (found.size < 16) {
		const padded = pad(Buffer.from('hello'))
		found.set(padded.length - 5, hex(padded))
	}
	return [...found].sort(([a], [b]) => a - b).map(([length, padded]) => ({ length, plaintext: hex(Buffer.from('hello')), padded }))
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
	const vectors = await generate(process.argv[2] ?? '.')
	writeFileSync(new URL('plaintexts.json', import.meta.url), JSON.stringify(vectors, null, '\t') + '\n')
}
