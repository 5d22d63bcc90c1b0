// The simulated network as a process of its own, and its admin API.
import { Running } from './process.mjs';
import { request } from './http.mjs';

export class Simulator {
  /** Starts one on a free port; `tls` for wss:// with a self-signed certificate. */
  static async start({ tls = false, args = [] } = {}) {
    const simulator = new Simulator();
    simulator.process = await Running.start(['simulator', '--listen', '127.0.0.1:0', ...(tls ? ['--tls'] : []), ...args]);
    const { url, trustRoot, admin, ca } = simulator.process.ready;
    // The admin API is behind the same certificate.
    const over = ca && admin.startsWith('https:') ? new Agent({ connect: { ca } }) : undefined;
    Object.assign(simulator, { url, trustRoot, ca, over, admin: admin.replace(/\/$/, '') });
    return simulator;
  }

  async stop() {
    await this.process.kill();
  }

  async call(method, path, body) {
    return (await request(method, `${this.admin}${path}`, body)).body;
  }

  addPerson(name, phone, behaviour = { kind: 'receive' }) {
    return this.call('POST', '/people', { name, phone, behaviour });
  }

  people() {
    return this.call('GET', '/people');
  }

  /** The phone that belongs to the device's push name scans its code, or the phone with that number. */
  scanQr(text, phone) {
    return this.call('POST', `/mock-phone/scan-qr${phone ? `?phone=${phone}` : ''}`, text);
  }

  enterCode(phone, code) {
    return this.call('POST', '/mock-phone/enter-code', { phone, code });
  }

  say(phone, to, text) {
    return this.call('POST', `/people/${phone}/send`, { to, text });
  }

  inbox(phone) {
    return this.call('GET', `/people/${phone}/inbox`);
  }

  /** The next ciphertext for a device is damaged on its way. */
  corruptNext(device) {
    return this.call('POST', '/faults', { corruptNext: device });
  }

  unknown() {
    return this.call('GET', '/unknown');
  }

  unanswered() {
    return this.call('GET', '/unanswered');
  }

  devices() {
    return this.call('GET', '/devices');
  }
}
