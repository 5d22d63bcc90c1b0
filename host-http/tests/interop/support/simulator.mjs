// The simulated network as a process of its own, and its admin API.
import { Running } from './process.mjs';
import { request } from './http.mjs';

export class Simulator {
  /** Starts one on a free port; `tls` for wss:// with a self-signed certificate. */
  static async start({ tls = false, args = [] } = {}) {
    const simulator = new Simulator();
    simulator.process = await Running.start(['simulator', '--listen', '127.0.0.1:0', ...(tls ? ['--tls'] : []), ...args]);
    const { url, trustRoot, admin, certificate } = simulator.process.ready;
    Object.assign(simulator, { url, trustRoot, certificate, admin });
    return simulator;
  }

  async stop() {
    await this.process.kill();
  }

  async call(method, path, body) {
    return (await request(method, `${this.admin}${path}`, body, { ca: this.certificate })).body;
  }

  addPerson(name, phone, behaviour = { kind: 'receive' }) {
    return this.call('POST', '/people', { name, phone, behaviour });
  }

  /** The phone that belongs to the device's push name scans its code, or the phone with that number. */
  scanQr(text, phone) {
    return this.call('POST', `/mock-phone/scan-qr${phone ? `?phone=${phone}` : ''}`, text);
  }

  enterCode(phone, code) {
    return this.call('POST', '/mock-phone/enter-code', { phone, code });
  }

  /** Somebody writes from their phone. */
  say(phone, to, text) {
    return this.call('POST', `/people/${phone}/send`, { to, text });
  }

  inbox(phone) {
    return this.call('GET', `/people/${phone}/inbox`);
  }

  /** The next ciphertext for a device is damaged on its way. */
  corruptNext(device) {
    return this.call('POST', '/faults', { kind: 'corrupt_next', device });
  }

  /** Requests that were not understood, each as `{what, count}`. */
  async unknown() {
    return (await this.call('GET', '/unknown')).unknown;
  }

  /** Stanzas that devices were handed and did not answer. */
  async unanswered() {
    return (await this.call('GET', '/unanswered')).unanswered;
  }

  /** Public keys and signatures of all linked devices, and the certificate chain. */
  devices() {
    return this.call('GET', '/devices');
  }
}
