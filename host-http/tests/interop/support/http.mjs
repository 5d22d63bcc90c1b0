// JSON over HTTP with errors that say what was asked and what was answered.

/** An answer outside 200–299. */
export class Refused extends Error {
  constructor(method, url, status, text) {
    super(`${method} ${url} was answered ${status}: ${text}`);
    this.status = status;
  }
}

export async function request(method, url, body) {
  const plain = typeof body === 'string';
  const response = await fetch(url, {
    method,
    headers: body === undefined ? {} : { 'content-type': plain ? 'text/plain' : 'application/json' },
    body: body === undefined || plain ? body : JSON.stringify(body),
    signal: AbortSignal.timeout(30_000),
  });
  const text = await response.text();
  if (!response.ok) throw new Refused(method, url, response.status, text);
  const json = response.headers.get('content-type')?.includes('json');
  return { status: response.status, body: json && text ? JSON.parse(text) : text };
}
