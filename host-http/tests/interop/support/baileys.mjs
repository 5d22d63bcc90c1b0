// Their side: an unmodified Baileys on a state directory of its own.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as baileys from 'baileys';
import { within, until } from './wait.mjs';

const { default: makeWASocket, useMultiFileAuthState, WA_CERT_DETAILS } = baileys;
const RESTART = baileys.DisconnectReason.restartRequired;
const LOG_LINES = Number(process.env.LOGS ?? 600);

// Its Signal library prints whole sessions, keys included, to the console.
console.info = () => {};
console.warn = () => {};
console.error = () => {};

/** `messages.update` states of Baileys. */
export const Status = baileys.proto.WebMessageInfo.Status;

/** Makes every Baileys of this process trust the simulator's root. */
export function trust(simulator) {
  WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(simulator.trustRoot, 'hex');
}

export class Peer {
  /** A device that is not linked yet. `name` decides to whose phone its QR code belongs. */
  static async create(simulator, name, options = {}) {
    const peer = new Peer();
    Object.assign(peer, { simulator, name, options });
    peer.directory = await mkdtemp(join(tmpdir(), 'interop-baileys-'));
    peer.sent = new Map();
    peer.messages = [];
    peer.updates = [];
    peer.frames = [];
    peer.outgoing = [];
    peer.log = [];
    return peer;
  }

  /** Opens a socket on the stored state, as a fresh start of a program would. */
  async open() {
    const { state, saveCreds } = await useMultiFileAuthState(this.directory);
    // A name would come with the first sync; without one Baileys says nothing but "inactive" receipts.
    if (state.creds.me) state.creds.me.name ??= this.name;
    const socket = makeWASocket({
      auth: state,
      waWebSocketUrl: this.simulator.url,
      pushName: this.name,
      logger: logger(this.log, this.outgoing),
      getMessage: async (key) => this.sent.get(key.id),
      ...this.options,
    });
    this.socket = socket;
    this.saving = Promise.resolve();
    socket.ev.on('creds.update', () => (this.saving = this.saving.then(saveCreds)));
    socket.ev.on('connection.update', (update) => this.onConnection(socket, update));
    socket.ev.on('messages.upsert', ({ messages }) => this.messages.push(...messages));
    socket.ev.on('messages.update', (updates) => this.updates.push(...updates));
    socket.ws.on('frame', (frame) => {
      if (frame.tag) this.frames.push(frame);
    });
    this.state = 'connecting';
    this.qr = undefined;
  }

  onConnection(socket, update) {
    if (socket !== this.socket) return;
    if (update.qr) this.qr = update.qr;
    if (update.connection === 'open') this.state = 'open';
    if (update.connection !== 'close') return;
    this.state = 'closed';
    this.reason = update.lastDisconnect?.error?.output?.statusCode;
    // Baileys leaves it to its user to come back after the restart that the service asks for.
    if (this.reason === RESTART) this.reopening = this.saving.then(() => this.open());
  }

  async linkByQr() {
    await this.open();
    await until(`a QR code of ${this.name}`, () => this.qr);
    await this.simulator.scanQr(this.qr);
    await this.ready();
  }

  async linkByCode(phone) {
    await this.open();
    await until(`${this.name} to be offered codes`, () => this.qr);
    const code = await this.socket.requestPairingCode(phone);
    // Baileys does not wait until the service has taken the code, so the phone may be too early.
    await until('the phone to take the code', () => this.simulator.enterCode(phone, code).then(() => true));
    await this.ready();
  }

  ready() {
    return until(`${this.name} to be logged in`, () => this.state === 'open');
  }

  /** Closes the socket and starts again from the state on disk. */
  async restart() {
    await this.close();
    await this.open();
    await this.ready();
  }

  async close() {
    await this.reopening;
    const socket = this.socket;
    this.socket = undefined;
    await socket?.end(undefined);
    await this.saving;
  }

  async remove() {
    await this.close();
    // It may still be writing its keys.
    await rm(this.directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }

  get jid() {
    return this.socket.authState.creds.me.id;
  }

  get lid() {
    return this.socket.authState.creds.me.lid;
  }

  get phone() {
    return this.jid.split(/[:@]/)[0];
  }

  async send(to, text) {
    const messageId = baileys.generateMessageIDV2(this.jid);
    // Known before it is sent: a retry may be asked for before Baileys says that it is done.
    this.sent.set(messageId, { extendedTextMessage: { text } });
    await within(`Baileys to send "${text}"`, this.socket.sendMessage(to, { text }, { messageId }));
    return messageId;
  }

  /** Waits until a text from somebody else was shown, and that it was shown once. */
  async received(text) {
    const shown = await until(`${this.name} to show "${text}"`, () => {
      const found = this.messages.filter((message) => !message.key.fromMe && textOf(message) === text);
      return found.length > 0 && found;
    });
    if (shown.length !== 1) throw new Error(`${this.name} shows "${text}" ${shown.length} times`);
    return shown[0];
  }

  /** Waits until one of its own messages reached a state, or a higher one. */
  reached(id, status) {
    const matches = ({ key, update }) => key.id === id && key.fromMe && update.status >= status;
    // An update that comes quickly is merged into the message before Baileys tells of either.
    const merged = ({ key, status: now }) => key.id === id && key.fromMe && now >= status;
    return until(`${id} to reach state ${status} at ${this.name}`, () => {
      return this.updates.some(matches) || this.messages.some(merged);
    });
  }

  /** Kinds of ciphertext (`pkmsg`, `msg`) under which a message came in, in order. */
  kindsOf(id) {
    const frames = this.frames.filter((frame) => frame.tag === 'message' && frame.attrs.id === id);
    return frames.flatMap((frame) => children(frame, 'enc').map((enc) => enc.attrs.type));
  }

  /** Kinds of ciphertext under which a message went out to one device (its number-addressed jid names the device). */
  sentKinds(id, device) {
    const stanzas = this.outgoing.filter((xml) => xml.startsWith('<message') && xml.includes(`id='${id}'`));
    const copies = stanzas.flatMap((xml) => xml.split('<to ').slice(1));
    const own = [this.jid, this.lid].map((jid) => jid.split(/[:@]/)[0]);
    const number = /:(\d+)@/.exec(device)[1];
    const wanted = copies.filter((copy) => {
      const [, user, at] = /^jid='(\d+):(\d+)@/.exec(copy) ?? [];
      return at === number && !own.includes(user);
    });
    return wanted.map((copy) => /<enc [^>]*type='(\w+)'/.exec(copy)?.[1]);
  }

  /** Frames of one tag that came in, as plain nodes. */
  incoming(tag, matches = () => true) {
    return this.frames.filter((frame) => frame.tag === tag && matches(frame));
  }
}

export function textOf(message) {
  return message.message?.conversation ?? message.message?.extendedTextMessage?.text;
}

export function children(node, tag) {
  return Array.isArray(node?.content) ? node.content.filter((child) => child.tag === tag) : [];
}

/** Walks down a path of tags; `undefined` where it ends early. */
export function descend(node, ...path) {
  return path.reduce((at, tag) => children(at, tag)[0], node);
}

// At level `trace` Baileys shows every stanza that it sends, as `xml`: the only sight of them without touching it.
function logger(log, outgoing) {
  const write = (level) => (first, second) => {
    if (first?.msg === 'xml send') outgoing.push(first.xml);
    const data = typeof first === 'string' ? first : JSON.stringify(first, plain) + (second ? ` ${second}` : '');
    log.push(`${level} ${data}`.slice(0, 2_000));
    if (log.length > LOG_LINES) log.shift();
  };
  const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];
  const self = { level: 'trace', ...Object.fromEntries(levels.map((level) => [level, write(level)])) };
  self.child = () => self;
  return self;
}

function plain(_, value) {
  if (value instanceof Error) return `${value.message}\n${value.stack}`;
  return typeof value === 'bigint' ? String(value) : value;
}
