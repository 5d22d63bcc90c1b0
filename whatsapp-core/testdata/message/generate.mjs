// Writes vectors.json: messages as Baileys' protobuf code encodes them, and what they say.
//
//   node generate.mjs <folder with node_modules: baileys 7.0.0-rc14>
//
// The interop suite generates them anew and compares: a file that is out of date fails there.
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

/** The vectors, from the Baileys that is installed in a folder. */
export async function generate(folder) {
	const { proto } = await import(pathToFileURL(`${resolve(folder)}/node_modules/baileys/WAProto/index.js`))

	const bytes = fill => Buffer.alloc(32, fill)
	const [mediaKey, fileSha256, fileEncSha256] = [1, 2, 3].map(bytes)
	const file = { mediaKey, fileSha256, fileEncSha256, mediaKeyTimestamp: 1764000000 }
	const directPath = '/v/t62.7118-24/1_2_3.enc?ccb=11-4&oh=4&oe=5'
	const contextInfo = { stanzaId: '3EB0AA', participant: '15550000001@s.whatsapp.net', quotedMessage: { conversation: 'quoted' } }
	const jpegThumbnail = bytes(9)
	const cases = []
	const add = (name, message, content, more = {}) => {
		const hex = Buffer.from(proto.Message.encode(proto.Message.fromObject(message)).finish()).toString('hex')
		cases.push({ name, hex, content, ...more })
	}
	const media = { place: directPath, keys: [mediaKey, fileSha256, fileEncSha256].map(key => key.toString('hex')) }

	add('an image', {
		imageMessage: { ...file, directPath, mimetype: 'image/jpeg', caption: 'look', fileLength: 12345, height: 3, width: 4, jpegThumbnail, contextInfo }
	}, { type: 'media', kind: 'image', mime: 'image/jpeg', size: 12345, caption: 'look' }, { media, quoted: '3EB0AA' })
	add('an image to be seen once', {
		viewOnceMessageV2: { message: { imageMessage: { ...file, directPath, mimetype: 'image/png', fileLength: 1, viewOnce: true } } }
	}, { type: 'media', kind: 'image', mime: 'image/png', size: 1 }, { media })
	add('a video', {
		videoMessage: { ...file, directPath, mimetype: 'video/mp4', caption: 'film', fileLength: 5e9, seconds: 90, gifPlayback: true }
	}, { type: 'media', kind: 'video', mime: 'video/mp4', size: 5e9, caption: 'film', seconds: 90 }, { media })
	add('a round video', {
		ptvMessage: { ...file, directPath, mimetype: 'video/mp4', fileLength: 7, seconds: 3 }
	}, { type: 'media', kind: 'video', mime: 'video/mp4', size: 7, seconds: 3 }, { media })
	add('a piece of music', {
		audioMessage: { ...file, directPath, mimetype: 'audio/mp4', fileLength: 8, seconds: 200 }
	}, { type: 'media', kind: 'audio', mime: 'audio/mp4', size: 8, seconds: 200 }, { media })
	add('a voice message', {
		ephemeralMessage: { message: { audioMessage: { ...file, directPath, mimetype: 'audio/ogg; codecs=opus', fileLength: 9, seconds: 4, ptt: true, waveform: bytes(5) } } }
	}, { type: 'media', kind: 'voice', mime: 'audio/ogg; codecs=opus', size: 9, seconds: 4 }, { media })
	add('a document', {
		documentMessage: { ...file, directPath, mimetype: 'application/pdf', title: 'Invoice', fileName: 'invoice.pdf', fileLength: 10, pageCount: 2 }
	}, { type: 'media', kind: 'document', mime: 'application/pdf', size: 10, name: 'invoice.pdf' }, { media })
	add('a document with a caption', {
		documentWithCaptionMessage: { message: { documentMessage: { ...file, directPath, mimetype: 'application/pdf', title: 'Invoice', fileLength: 10, caption: 'please pay' } } }
	}, { type: 'media', kind: 'document', mime: 'application/pdf', size: 10, name: 'Invoice', caption: 'please pay' }, { media })
	add('a sticker', {
		stickerMessage: { ...file, directPath, mimetype: 'image/webp', fileLength: 11, isAnimated: true }
	}, { type: 'media', kind: 'sticker', mime: 'image/webp', size: 11 }, { media })

	const buttons = ['yes', 'no'].map(id => ({ buttonId: id, buttonText: { displayText: id.toUpperCase() }, type: 1 }))
	const shown = { type: 'buttons', text: 'Sure?', footer: 'small', buttons: [{ id: 'yes', title: 'YES' }, { id: 'no', title: 'NO' }] }
	add('buttons', { buttonsMessage: { contentText: 'Sure?', footerText: 'small', buttons, headerType: 1 } }, shown)
	add('buttons as some send them', {
		viewOnceMessage: { message: { buttonsMessage: { contentText: 'Sure?', footerText: 'small', buttons, headerType: 1 } } }
	}, shown)
	const sections = [
		{ title: 'Shoes', rows: [{ title: 'Red', description: 'size 40', rowId: 'r' }] },
		{ rows: [{ title: 'Blue', rowId: 'b' }] }
	]
	const listed = [
		{ title: 'Shoes', rows: [{ id: 'r', title: 'Red', description: 'size 40' }] },
		{ rows: [{ id: 'b', title: 'Blue' }] }
	]
	add('a list', {
		listMessage: { description: 'Which?', buttonText: 'Open', footerText: 'small', listType: 1, sections }
	}, { type: 'list', text: 'Which?', footer: 'small', button: 'Open', sections: listed })
	add('a list with a title', {
		listMessage: { title: 'Hello', description: 'Which?', buttonText: 'Open', listType: 1, sections }
	}, { type: 'list', text: 'Hello\nWhich?', button: 'Open', sections: listed })
	add('a list of products', {
		listMessage: { title: 'Hello', buttonText: 'Open', listType: 2, productListInfo: { businessOwnerJid: '1@s.whatsapp.net' } }
	}, { type: 'unsupported', kind: 'list_message' })

	add('a tap on a button', {
		buttonsResponseMessage: { selectedButtonId: 'yes', selectedDisplayText: 'YES', type: 1, contextInfo }
	}, { type: 'choice', of: 'buttons', id: 'yes', title: 'YES' }, { quoted: '3EB0AA' })
	add('a tap on a row', {
		listResponseMessage: { title: 'Red', description: 'size 40', listType: 1, singleSelectReply: { selectedRowId: 'r' }, contextInfo }
	}, { type: 'choice', of: 'list', id: 'r', title: 'Red' }, { quoted: '3EB0AA' })
	add("a tap on a template's button", {
		templateButtonReplyMessage: { selectedId: 'stop', selectedDisplayText: 'Stop', selectedIndex: 1, contextInfo }
	}, { type: 'choice', of: 'buttons', id: 'stop', title: 'Stop' }, { quoted: '3EB0AA' })
	const flow = (name, params, text) => ({
		interactiveResponseMessage: { body: { text }, nativeFlowResponseMessage: { name, paramsJson: JSON.stringify(params), version: 3 }, contextInfo }
	})
	add('a tap in a native flow', flow('quick_reply', { id: 'yes', description: '' }, 'Yes'),
		{ type: 'choice', of: 'buttons', id: 'yes', title: 'Yes' }, { quoted: '3EB0AA' })
	add("a tap on a native flow's row", flow('single_select', { id: 'r', title: 'Red' }),
		{ type: 'choice', of: 'list', id: 'r', title: 'Red' }, { quoted: '3EB0AA' })
	add('a form of a native flow', flow('flow', { flow_token: 't', name: 'Ann' }, 'Sent'),
		{ type: 'unsupported', kind: 'interactive_response_message' }, { quoted: '3EB0AA' })

	add('an answer', { extendedTextMessage: { text: 'yes', contextInfo } }, { type: 'text', text: 'yes' }, { quoted: '3EB0AA' })

	return { by: 'baileys 7.0.0-rc14', cases }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
	const vectors = await generate(process.argv[2] ?? '.')
	writeFileSync(new URL('vectors.json', import.meta.url), JSON.stringify(vectors, null, '\t') + '\n')
}
