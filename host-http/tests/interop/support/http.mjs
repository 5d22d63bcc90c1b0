// JSON over HTTP with errors that say what was asked and what was answered.
import { request as plain } from 'node:http';
import { request as secure } from 'node:https';

const PATIENCE_MS = 30_000;

/** An answer outside 200–299. */
export class Refused extends Error {
  constructor(method, url, status, text) {
    super(`${method} ${url} was answered ${status}: ${text}`);
    this.status = status;
  }
}

/** One request; a string goes as text, everything else as JSON. `ca` is trusted for https. */
export async function request(method, url, body, { ca } = {}) {
  const isText = typeof body === 'string';
  const payload = body === undefined || isText ? body : JSON.stringify(body);
  const headers = payload === undefined ? {} : { 'content-type': isText ? 'text/plain' : 'application/json' };
  const { status, type, text } = await exchange(url, { method, headers, ca }, payload);
  if (status < 200 || status > 299) throw new Refused(method, url, status, text);
  return { status, body: type?.includes('json') && text ? JSON.parse(text) : text };
}

function exchange(url, options, payload) {
  const start = url.startsWith('https:') ? secure : plain;
  return new Promise((resolve, reject) => {
    const asked = start(url, { ...options, signal: AbortSignal.timeout(PATIENCE_MS) }, (answer) => {
      const chunks = [];
      answer.on('data', (chunk) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        // An answer that was cut off is no answer.
        if (!answer.complete) return reject(new Error('the connection broke during the answer'));
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({ status: answer.statusCode, type: answer.headers['content-type'], text });
      });
      answer.on('close', () => reject(new Error('the connection broke during the answer')));
    });
    asked.on('error', reject);
    asked.end(payload);
  });
}
