/** `interlock view` without a browser: its port and who may come in, its flags, and its end. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { compiled, Running } from './running.js';

const traces = fileURLToPath(new URL('traces/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'interlock-view-'));
const lateEnd = readFileSync(join(traces, 'late-end.ndjson'), 'utf8');
let built: string;
let viewer: Running;
let url: string;

const view = (...args: string[]) => new Running(['src/cli/main.js', 'view', ...args], built);

beforeAll(async () => {
  built = compiled('view-port');
  viewer = view(join(traces, 'late-end.ndjson'));
  url = await viewer.url();
}, 120_000);
afterAll(async () => {
  viewer?.signal('SIGTERM');
  await viewer?.ended;
  rmSync(folder, { recursive: true, force: true });
});

/** Asks as it is told to, and not as a client would. */
function ask(
  path: string,
  headers: Record<string, string> = {},
  host = '127.0.0.1',
  method = 'GET',
) {
  const { port } = new URL(url);
  return new Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; text: string }>(
    (resolve, reject) => {
      const asked = request({ host, port, path, headers, method }, async (response) => {
        let text = '';
        for await (const chunk of response) text += chunk;
        resolve({ status: response.statusCode as number, headers: response.headers, text });
      });
      asked.on('error', reject).end();
    },
  );
}

describe('the port of the viewer', () => {
  const home = () => new URL(url).pathname;
  const port = () => new URL(url).port;

  it.each<[string, () => Record<string, string>, (path: string) => string]>([
    ['a foreign Host', () => ({ host: 'evil.test' }), (path) => path],
    ['a foreign Host with our port', () => ({ host: `evil.test:${port()}` }), (path) => path],
    ['a foreign Origin', () => ({ origin: 'https://evil.test' }), (path) => path],
    ['Origin: null', () => ({ origin: 'null' }), (path) => path],
    ['no token', () => ({}), (path) => path.replace(home(), '/')],
    ['a wrong token', () => ({}), (path) => path.replace(home(), `/${'0'.repeat(32)}/`)],
    ['no token, though from our page', () => ({ origin: `http://127.0.0.1:${port()}` }), () => '/'],
  ])('refuses %s, whatever is asked for', async (_, headers, changed) => {
    for (const path of ['', 'style.css', 'traces', 'traces/0', 'nothing']) {
      const { status, text } = await ask(changed(home() + path), headers());
      expect(`${status} ${text}`).toBe('403 no\n');
    }
  });

  it('is not held by one who never ends asking', async () => {
    const asking = connect(Number(port()), '127.0.0.1');
    onTestFinished(() => void asking.destroy());
    asking.write('GET / HTTP/1.1\r\n');
    let reply = '';
    for await (const chunk of asking) reply += chunk;
    expect(reply).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('gives what it has to its own page, under a policy that lets it ask nobody else', async () => {
    const own = { origin: `http://localhost:${port()}`, host: `localhost:${port()}` };
    const { status, headers, text } = await ask(home(), own);
    expect(status).toBe(200);
    expect(headers['content-security-policy']).toMatch(
      /^default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:/,
    );
    expect(headers['referrer-policy']).toBe('no-referrer');
    expect(headers['access-control-allow-origin']).toBeUndefined();
    expect(text).not.toMatch(/https?:\/\/|style="|<script>/);
    expect((await ask(`${home()}traces/0`)).text).toBe(lateEnd);
    for (const path of ['traces/1', 'traces/../package.json', 'modules/package.json', 'x']) {
      expect((await ask(home() + path)).status).toBe(404);
    }
    expect((await ask(home(), {}, '127.0.0.1', 'POST')).status).toBe(405);
  });

  it('is on this machine only', async () => {
    const others = Object.values(networkInterfaces())
      .flatMap((list = []) => list)
      .filter(({ internal, family }) => !internal && family === 'IPv4')
      .map(({ address }) => address);
    for (const host of others) await expect(ask(home(), {}, host)).rejects.toThrow('ECONNREFUSED');
    const everywhere = view('--listen', '0.0.0.0:0');
    expect((await everywhere.ended)[0]).toBe(2);
    expect(everywhere.stderr).toContain('Accepted: 127.0.0.1, localhost or [::1], and a port.');
  });
});

describe('interlock view', () => {
  it.each<[string, string | undefined, RegExp]>([
    ['absent.ndjson', undefined, /TRACE .*absent\.ndjson: ENOENT/],
    ['empty.ndjson', '', /it is empty, and so no trace/],
    ['notes.txt', 'Dear diary\n', /no trace: line 1: not JSON: Dear diary/],
    [
      'newer.ndjson',
      lateEnd.replaceAll('"v":1', '"v":9'),
      /line 1: "v", the version, must be 1; found 9/,
    ],
  ])('refuses %s', async (name, text, message) => {
    const path = join(folder, name);
    if (text !== undefined) writeFileSync(path, text);
    const refused = view(path);
    expect((await refused.ended)[0]).toBe(2);
    expect(refused.stderr).toMatch(message);
    expect(refused.stdout).toBe('');
  });

  it('ends when it is told to', async () => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      const running = view('--listen', '127.0.0.1:0');
      await running.url();
      running.signal(signal);
      expect(await running.ended).toEqual([0, null]);
    }
  });

  it('says what it does', async () => {
    const help = view('--help');
    expect((await help.ended)[0]).toBe(0);
    expect(help.stdout).toMatch(/TRACE is a file of records[\s\S]*Ctrl-C ends it/);
  });
});
