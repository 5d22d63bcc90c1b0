// Files, menus and what people choose of them, with a Baileys: each side writes, the other reads with its own protobuf code.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { proto } from 'baileys';
import { Host } from './support/host.mjs';
import { Simulator } from './support/simulator.mjs';
import { Peer, children, trust } from './support/baileys.mjs';
import { quiet } from './support/quiet.mjs';
import { until, within } from './support/wait.mjs';
import { scenario } from './support/steps.mjs';

const GIA = { name: 'Gia', phone: '15550005001' };
const OUR_NUMBER = '15550005002';
const BUTTONS = {
  type: 'buttons',
  text: 'Sure?',
  footer: 'small',
  buttons: [
    { id: 'yes', title: 'Yes' },
    { id: 'no', title: 'No' },
  ],
};
const LIST = {
  type: 'list',
  text: 'Which?',
  button: 'Open',
  sections: [
    { title: 'Shoes', rows: [{ id: 'r', title: 'Red', description: 'size 40' }] },
    { rows: [{ id: 'b', title: 'Blue' }] },
  ],
};

scenario('files and menus', (step) => {
  let simulator, host, gia;

  before(async () => {
    simulator = await Simulator.start();
    trust(simulator);
    await simulator.addPerson(GIA.name, GIA.phone, { kind: 'silent' });
    await simulator.addPerson('Our phone', OUR_NUMBER, { kind: 'silent' });
    host = await Host.start(simulator);
    gia = await Peer.create(simulator, GIA.name);
    await gia.linkByQr();
    await host.linkByQr(simulator, 'main', OUR_NUMBER);
  });

  after(async () => {
    await gia?.remove();
    await host?.remove();
    await simulator?.stop();
  });

  step('Baileys reads buttons, and the service is told of them', async () => {
    const { message, biz } = await told(BUTTONS);
    const { buttonsMessage } = message;
    assert.equal(buttonsMessage.contentText, 'Sure?');
    assert.equal(buttonsMessage.footerText, 'small');
    assert.equal(buttonsMessage.headerType, proto.Message.ButtonsMessage.HeaderType.EMPTY);
    const { RESPONSE } = proto.Message.ButtonsMessage.Button.Type;
    assert.deepEqual(
      buttonsMessage.buttons.map(({ buttonId, buttonText, type }) => [buttonId, buttonText.displayText, type]),
      [
        ['yes', 'Yes', RESPONSE],
        ['no', 'No', RESPONSE],
      ],
    );
    assert.deepEqual(biz.map(({ tag, attrs }) => [tag, attrs]), [['buttons', {}]]);
  });

  step('Baileys reads a list', async () => {
    const { message, biz, enc } = await told(LIST);
    const { listMessage } = message;
    assert.equal(listMessage.description, 'Which?');
    assert.equal(listMessage.buttonText, 'Open');
    assert.equal(listMessage.listType, proto.Message.ListMessage.ListType.SINGLE_SELECT);
    const rows = ({ title, rows }) => [title ?? '', rows.map((row) => [row.rowId, row.title, row.description ?? ''])];
    assert.deepEqual(listMessage.sections.map(rows), [
      ['Shoes', [['r', 'Red', 'size 40']]],
      ['', [['b', 'Blue', '']]],
    ]);
    assert.deepEqual(biz.map(({ tag, attrs }) => [tag, { ...attrs }]), [['list', { v: '2', type: 'single_select' }]]);
    assert.equal(enc.attrs.mediatype, 'list');
  });

  step('the host hears what is chosen, and of which message', async () => {
    const { id } = await told(BUTTONS);
    const contextInfo = { stanzaId: id, participant: `${OUR_NUMBER}@s.whatsapp.net`, quotedMessage: { conversation: 'x' } };
    const flow = { name: 'quick_reply', paramsJson: JSON.stringify({ id: 'no' }), version: 3 };
    for (const [message, content] of [
      [
        { buttonsResponseMessage: { selectedButtonId: 'yes', selectedDisplayText: 'Yes', type: 1, contextInfo } },
        { type: 'choice', of: 'buttons', id: 'yes', title: 'Yes' },
      ],
      [
        { listResponseMessage: { title: 'Red', listType: 1, singleSelectReply: { selectedRowId: 'r' }, contextInfo } },
        { type: 'choice', of: 'list', id: 'r', title: 'Red' },
      ],
      [
        { templateButtonReplyMessage: { selectedId: 'stop', selectedDisplayText: 'Stop', selectedIndex: 0, contextInfo } },
        { type: 'choice', of: 'buttons', id: 'stop', title: 'Stop' },
      ],
      [
        { interactiveResponseMessage: { body: { text: 'No' }, nativeFlowResponseMessage: flow, contextInfo } },
        { type: 'choice', of: 'buttons', id: 'no', title: 'No' },
      ],
    ]) {
      const heard = await said(message);
      assert.deepEqual(heard.content, content);
      assert.equal(heard.quoted, id);
    }
  });

  step('the host reads menus of others', async () => {
    const buttons = BUTTONS.buttons.map(({ id, title }) => ({ buttonId: id, buttonText: { displayText: title }, type: 1 }));
    const wrapped = { buttonsMessage: { contentText: 'Sure?', footerText: 'small', buttons, headerType: 1 } };
    assert.deepEqual((await said({ viewOnceMessage: { message: wrapped } })).content, BUTTONS);
    const sections = LIST.sections.map(({ title, rows }) => {
      return { title, rows: rows.map(({ id, title, description }) => ({ rowId: id, title, description })) };
    });
    const listMessage = { description: 'Which?', buttonText: 'Open', listType: 1, sections };
    assert.deepEqual((await said({ listMessage })).content, LIST);
  });

  step('the host describes files', async () => {
    const key = Buffer.alloc(32, 7);
    const file = { mediaKey: key, fileSha256: key, fileEncSha256: key, directPath: '/v/t62/made-up.enc', fileLength: 77 };
    for (const [message, content] of [
      [
        { imageMessage: { ...file, mimetype: 'image/jpeg', caption: 'look' } },
        { type: 'media', kind: 'image', mime: 'image/jpeg', size: 77, caption: 'look' },
      ],
      [
        { audioMessage: { ...file, mimetype: 'audio/ogg; codecs=opus', seconds: 3, ptt: true } },
        { type: 'media', kind: 'voice', mime: 'audio/ogg; codecs=opus', size: 77, seconds: 3 },
      ],
      [
        {
          documentWithCaptionMessage: {
            message: { documentMessage: { ...file, mimetype: 'application/pdf', fileName: 'a.pdf', caption: 'pay' } },
          },
        },
        { type: 'media', kind: 'document', mime: 'application/pdf', size: 77, name: 'a.pdf', caption: 'pay' },
      ],
    ]) {
      const heard = await said(message);
      assert.deepEqual(heard.content, content);
      assert.equal(heard.media.place, '/v/t62/made-up.enc');
      assert.equal(JSON.stringify(heard).includes(key.toString('base64')), false, 'keys stay inside');
    }
  });

  step('nothing that either side was sent stays unanswered, and nothing was unknown', () => quiet(simulator));

  /** The host says something; what Baileys makes of it. */
  async function told(content) {
    const { id } = await host.call('POST', '/sessions/main/messages', { to: GIA.phone, content });
    const shown = await until(`${GIA.name} to show ${content.type}`, () => gia.messages.find(({ key }) => key.id === id));
    const [frame] = gia.incoming('message', ({ attrs }) => attrs.id === id);
    const [biz] = children(frame, 'biz');
    return { id, message: shown.message, biz: biz.content, enc: children(frame, 'enc')[0] };
  }

  /** Baileys says something; what the host makes of it. */
  async function said(message) {
    const id = await within(
      'Baileys to send it',
      gia.socket.relayMessage(`${OUR_NUMBER}@s.whatsapp.net`, proto.Message.fromObject(message), {}),
    );
    return until('the host to show it', async () => (await host.messages('main')).find((shown) => shown.id === id));
  }
});
