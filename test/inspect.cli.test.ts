/** `--inspect` of the commands that serve exchanges: what it prints, what it refuses, what it needs. */
import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { StatelyInspectionEvent } from '@statelyai/inspect';
import { createWebSocketReceiver } from '@statelyai/inspect';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { legacyTable } from '../src/adapters/ext-proc/legacy-handler.js';
import { playExchange } from '../src/envoy/play.js';
import { EnvoyClient } from '../src/envoy/stream.js';
import type { Frame } from '../src/observe/rows.js';
import { table } from '../src/step.js';
import { compiled, Running } from './running.js';

const BODY = JSON.stringify({
  model: 'interlock-small',
  messages: [{ role: 'user', content: '' }],
});
/** Holds once it holds, however busy the machine is. */
const eventually = (claim: () => void) => vi.waitFor(claim, { timeout: 10_000, interval: 10 });

let built: string;
const running: Running[] = [];
beforeAll(() => {
  built = compiled('inspect');
}, 120_000);
afterAll(async () => {
  for (const one of running) one.signal('SIGKILL');
  await Promise.all(running.map(({ ended }) => ended));
  rmSync(built, { recursive: true, force: true });
});

function start(args: readonly string[], ...node: string[]): Running {
  const usage = ['--usage', join(built, 'usage.ndjson')];
  const one = new Running([...node, 'src/cli/main.js', ...args, ...usage], built);
  running.push(one);
  return one;
}

const gateway = ['gateway', '--listen', '127.0.0.1:0', '--inspect'];

/** Where it listens, and where it is watched. */
async function addresses(one: Running): Promise<[listens: string, watched: string]> {
  const found = () =>
    [/listens on (\S+)/, /live exchanges: (http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{32}\/)\n/].map(
      (pattern) => pattern.exec(one.stdout)?.[1],
    );
  await one.until(() => found().every((text) => text !== undefined));
  return found() as [string, string];
}

describe('interlock gateway --inspect', () => {
  it("prints where to look; the page is there, and Stately's; it ends when it is told to", async () => {
    const one = start(gateway);
    const [listens, watched] = await addresses(one);
    expect(await (await fetch(watched)).text()).toContain('Interlock: the life of an exchange');
    const main = await fetch(`${watched}modules/visualizations/viewer/page/main.js`);
    expect(main.headers.get('content-type')).toContain('text/javascript');
    expect((await fetch(`${watched}stately`)).status).toBe(200);
    const seen: StatelyInspectionEvent[] = [];
    const server = `${watched.replace('http', 'ws')}stately/messages`;
    createWebSocketReceiver({ server }).subscribe((message) => {
      seen.push(message);
    });
    await fetch(`${listens}/v1/chat/completions`, { method: 'POST', body: BODY });
    await eventually(() => expect(JSON.stringify(seen.at(-1))).toContain('"status":"done"'));
    one.signal('SIGTERM');
    expect(await one.ended).toEqual([0, null]);
  });

  it('names the package that is not installed', async () => {
    const url = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`;
    const without = async (name: string) => {
      const missing = `export const resolve = (s, c, next) => {
        if (s !== ${JSON.stringify(name)}) return next(s, c);
        throw Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
      }`;
      const hook = `import { register } from 'node:module'; register(${JSON.stringify(url(missing))})`;
      const one = start(gateway, '--import', url(hook));
      expect((await one.ended)[0]).toBe(2);
      return one.stderr;
    };
    expect(await without('@statelyai/inspect')).toContain('the package "@statelyai/inspect"');
    const told = await without('ws');
    expect(told).toContain('--inspect needs the package "ws"');
    expect(told).toContain('npm install @statelyai/inspect ws');
  });

  it('refuses what is no port, and one that is taken', async () => {
    const text = start([...gateway, '65536']);
    expect((await text.ended)[0]).toBe(2);
    expect(text.stderr).toContain('a port from 0 to 65535');
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as { port: number };
    const busy = start([...gateway, String(port)]);
    expect((await busy.ended)[0]).toBe(2);
    expect(busy.stderr).toContain(`EADDRINUSE: address already in use 127.0.0.1:${port}`);
    other.close();
  });

  it('says in --help what is shown, to whom, and what is not', async () => {
    for (const command of ['gateway', 'ext-proc']) {
      const help = new Running(['src/cli/main.js', command, '--help'], built);
      expect((await help.ended)[0]).toBe(0);
      expect(help.stdout).toMatch(/--inspect serves a page with a table of live exchanges/);
      expect(help.stdout.replace(/\s+/g, ' ')).toContain('no header and no body');
    }
  });
});

describe.each([
  ['', 'exchange', 'processed.completed', 1],
  ['--legacy', 'legacy', 'noBuffer', 0],
])('interlock ext-proc --inspect %s', (flag, machine, state, anomalies) => {
  it('shows the machine that is served, and what it makes of a late end', async () => {
    const one = start([
      'ext-proc',
      '--listen',
      '127.0.0.1:0',
      '--inspect',
      ...(flag === '' ? [] : [flag]),
    ]);
    const [listens, watched] = await addresses(one);
    expect(await (await fetch(`${watched}live`)).json()).toEqual({ machine });
    const socket = new WebSocket(`${watched.replace('http', 'ws')}rows`);
    const frames: Frame[] = [];
    socket.on('message', (data) => frames.push(JSON.parse(String(data)) as Frame));
    const client = new EnvoyClient(listens);
    await playExchange(client, {
      modes: { requestBody: 'BUFFERED', responseBody: 'STREAMED' },
      request: { headers: { ':method': 'POST', ':path': '/' }, chunks: [Buffer.from('{}')] },
      response: {
        headers: { ':status': '200' },
        chunks: [Buffer.from('{"a":'), Buffer.from('1}')],
      },
      quirks: { lateEnd: { response: 'empty' } },
    });
    await eventually(() => {
      const row = frames.flatMap(({ rows }) => rows).at(-1);
      expect(row?.[4]).toBeGreaterThan(0);
      expect(row?.[8]).toBe(anomalies);
      const { states } = machine === 'legacy' ? legacyTable : table;
      expect(states[row?.[2] as number]).toBe(state);
    });
    socket.close();
    client.close();
  });
});
