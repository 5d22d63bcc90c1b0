// Our side: the host as a process on a data directory, used only through its HTTP API.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Running } from './process.mjs';
import { Refused, request } from './http.mjs';
import { until } from './wait.mjs';

/** Delivery states, lowest first, as the API names them. */
export const STATES = ['queued', 'sent', 'delivered', 'read'];

export class Host {
  static async start(simulator, { args = [], env = {} } = {}) {
    const host = new Host();
    host.directory = await mkdtemp(join(tmpdir(), 'interop-host-'));
    host.args = [
      ...['--listen', '127.0.0.1:0', '--data-dir', host.directory],
      ...['--server-url', simulator.url, '--trust-root', simulator.trustRoot],
      ...args,
    ];
    host.env = env;
    // Of all its lives.
    host.events = [];
    await host.launch();
    return host;
  }

  async launch() {
    this.process = await Running.start(this.args, this.env);
    this.url = this.process.ready.listening;
    this.listen();
  }

  /** Ends the process without warning, and starts it again on what is on disk. */
  async restart() {
    await this.stop();
    await this.launch();
  }

  async stop() {
    this.stream?.abort();
    await this.process.kill();
  }

  async remove() {
    await this.stop();
    await rm(this.directory, { recursive: true, force: true });
  }

  async call(method, path, body) {
    return (await request(method, `${this.url}/api${path}`, body)).body;
  }

  session(id) {
    return this.call('GET', `/sessions/${id}`);
  }

  /** Links a new session to a phone through its QR code; gives its own addresses. */
  async linkByQr(simulator, id, phone) {
    await this.call('POST', '/sessions', { id });
    const text = await until(`the QR code of ${id}`, () => this.call('GET', `/sessions/${id}/qr?format=text&wait=10`));
    await simulator.scanQr(text.trim(), phone);
    return this.connected(id);
  }

  async linkByCode(simulator, id, phone) {
    await this.call('POST', '/sessions', { id });
    const ask = () => this.call('POST', `/sessions/${id}/pair-code`, { phone });
    const { code } = await until(`a pair code of ${id}`, ask);
    await simulator.enterCode(phone, code);
    return this.connected(id);
  }

  connected(id) {
    return until(`session ${id} to be connected`, async () => {
      const session = await this.session(id);
      return session.status === 'connected' && session;
    });
  }

  /** Posts a text; the id under which the host accepted it. */
  async send(id, to, text) {
    const { status, body } = await request('POST', `${this.url}/api/sessions/${id}/messages`, { to, text });
    if (status !== 202) throw new Refused('POST', 'messages', status, JSON.stringify(body));
    return body.id;
  }

  /** The newest messages of a session. */
  async messages(id) {
    return (await this.call('GET', `/sessions/${id}/messages?limit=500`)).messages;
  }

  /** All messages of a session, page by page. */
  async allMessages(id) {
    const all = [];
    let before;
    do {
      const query = `?limit=500${before ? `&before=${encodeURIComponent(before)}` : ''}`;
      const page = await this.call('GET', `/sessions/${id}/messages${query}`);
      all.push(...page.messages);
      before = page.next;
    } while (before);
    return all;
  }

  /** Waits until the session shows a text from somebody else, and that it shows it once. */
  async received(id, text) {
    const shown = await until(`${id} to show "${text}"`, async () => {
      const found = (await this.messages(id)).filter((message) => !message.fromMe && message.content.text === text);
      return found.length > 0 && found;
    });
    if (shown.length !== 1) throw new Error(`${id} shows "${text}" ${shown.length} times`);
    return shown[0];
  }

  /** Waits until one of our own messages reached a state, or a higher one. */
  reached(id, message, state) {
    return until(`message ${message} of ${id} to be ${state}`, async () => {
      const found = (await this.messages(id)).find((candidate) => candidate.id === message);
      return found && STATES.indexOf(found.status) >= STATES.indexOf(state) && found;
    });
  }

  markRead(id, { chat, sender, id: message }) {
    return this.call('POST', `/sessions/${id}/messages/read`, { messages: [{ chat, sender, id: message }] });
  }

  /** Adds to the events until the process ends. */
  listen() {
    const stop = new AbortController();
    this.stream = stop;
    const sink = this.events;
    const read = async () => {
      const response = await fetch(`${this.url}/api/events`, { signal: stop.signal });
      let rest = '';
      for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
        const blocks = (rest + chunk).split('\n\n');
        rest = blocks.pop();
        for (const block of blocks) {
          const data = block.split('\n').filter((line) => line.startsWith('data:'));
          if (data.length > 0) sink.push(JSON.parse(data.map((line) => line.slice(5)).join('\n')));
        }
      }
    };
    // The stream ends with the process.
    read().catch(() => {});
  }

  event(what, matches) {
    return until(`the event of ${what}`, () => this.events.find(matches));
  }
}
