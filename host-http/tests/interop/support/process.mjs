// Starts the real binary and reads the one JSON line that it prints when it is ready.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { within } from './wait.mjs';

const DEFAULT_BINARY = fileURLToPath(new URL('../../../../target/debug/host-http', import.meta.url));
const LOG_LINES = 400;

/** A running `host-http`, with its first line of JSON as `ready` and the end of what it logged as `log`. */
export class Running {
  constructor(child, log) {
    this.child = child;
    this.log = log;
    this.exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  }

  static async start(args, env = {}) {
    const child = spawn(process.env.HOST_HTTP ?? DEFAULT_BINARY, args, {
      env: { ...process.env, LOG: process.env.HOST_LOG ?? 'info', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    living.add(child);
    child.once('exit', () => living.delete(child));
    const log = [];
    const ready = firstJson(child, log);
    const running = new Running(child, log);
    const gone = running.exited.then(({ code, signal }) => {
      throw new Error(`host-http ${args.join(' ')} ended at once (${code ?? signal}):\n${log.join('\n')}`);
    });
    gone.catch(() => {});
    running.ready = await within(`host-http ${args.join(' ')} to be ready`, Promise.race([ready, gone]));
    return running;
  }

  /** Ends it as the operating system would: no chance to tidy up. */
  async kill(signal = 'SIGKILL') {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill(signal);
    await this.exited;
  }
}

const living = new Set();
process.on('exit', () => living.forEach((child) => child.kill('SIGKILL')));

function firstJson(child, log) {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream.setEncoding('utf8');
      stream.on('data', (text) => {
        const lines = (rest + text).split('\n');
        rest = lines.pop();
        for (const line of lines) {
          log.push(line);
          if (log.length > LOG_LINES) log.shift();
          if (stream === child.stdout && line.startsWith('{')) resolve(JSON.parse(line));
        }
      });
    }
  });
}
