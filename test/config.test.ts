/** The gateway's configuration: what is accepted, and how everything else is refused. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { checkConfig, readConfig } from '../src/adapters/http/config.js';
import { gatewayCommand } from '../src/cli/gateway.js';
import { InterlockError } from '../src/errors.js';

const folder = mkdtempSync(join(tmpdir(), 'interlock-config-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const MAIN = { id: 'main', url: 'http://10.0.0.7:8000' };
const MINIMAL = { upstreams: [MAIN] };
const withUpstream = (part: object) => ({ upstreams: [{ ...MAIN, ...part }] });

function faultOf(make: () => unknown): string {
  try {
    make();
  } catch (error) {
    expect(error).toBeInstanceOf(InterlockError);
    expect((error as InterlockError).code).toBe('INTERLOCK_BAD_CONFIG');
    return (error as InterlockError).message;
  }
  throw new Error('It was accepted.');
}

function readYaml(text: string, env: Record<string, string> = {}) {
  const file = join(folder, 'gateway.yaml');
  writeFileSync(file, text);
  return readConfig(file, env);
}

/** A value, the key that must be named, and what else the error must say. */
const REFUSED: [string, unknown, string, string][] = [
  ['nothing', undefined, 'the file', 'found nothing; accepted: the keys upstreams, routes, '],
  ['a list', [], 'the file', 'found []; accepted: the keys upstreams, '],
  ['no upstreams', {}, 'upstreams', 'found nothing; accepted: a list'],
  ['empty upstreams', { upstreams: [] }, 'upstreams', 'found []; accepted: at least one upstream'],
  ['an upstream without a URL', { upstreams: [{ id: 'a' }] }, 'upstreams[0].url', 'found nothing'],
  ['a URL of another scheme', withUpstream({ url: 'ftp://a' }), 'upstreams[0].url', '"ftp://a"'],
  ['a URL without a scheme', withUpstream({ url: 'a:80' }), 'upstreams[0].url', 'an http:// or'],
  ['a URL with a query', withUpstream({ url: 'http://a/?b' }), 'upstreams[0].url', 'without user'],
  ['a URL with a user', withUpstream({ url: 'http://u@a' }), 'upstreams[0].url', 'without user'],
  ['an id with a space', withUpstream({ id: 'a b' }), 'upstreams[0].id', '1 to 64 letters'],
  [
    'a header that is no name',
    withUpstream({ headers: { 'a b': 'c' } }),
    'upstreams[0].headers.a b',
    'found "a b"; accepted: a header\'s name',
  ],
  [
    'a header that frames',
    withUpstream({ headers: { 'Transfer-Encoding': 'chunked' } }),
    'upstreams[0].headers.Transfer-Encoding',
    'accepted: a header that does not frame',
  ],
  [
    'a header with a line end (SEC-03)',
    withUpstream({ headers: { a: 'b\r\nc: d' } }),
    'upstreams[0].headers.a',
    'found "b\\r\\nc: d"; accepted: a text without line ends',
  ],
  [
    'a header that is a number',
    withUpstream({ headers: { a: 1 } }),
    'upstreams[0].headers.a',
    'found 1; accepted: a text',
  ],
  ['two upstreams of one id', { upstreams: [MAIN, MAIN] }, 'upstreams', 'id "main" is there twice'],
  [
    'a route to no upstream',
    { ...MINIMAL, routes: [{ path: '/', upstreams: ['mian'] }] },
    'routes[0].upstreams',
    '"mian" is no upstream; did you mean main? Accepted: main',
  ],
  [
    'no routes',
    { ...MINIMAL, routes: [] },
    'routes',
    'found []; accepted: a list that is not empty',
  ],
  [
    'a route for nothing',
    { ...MINIMAL, routes: [{ upstreams: ['main'] }] },
    'routes[0]',
    'accepted: a route with "models", "path" or both',
  ],
  [
    'a path that is none',
    { ...MINIMAL, routes: [{ path: 'v1', upstreams: ['main'] }] },
    'routes[0].path',
    'found "v1"; accepted: a path that begins with "/"',
  ],
  [
    'a star inside a model',
    { ...MINIMAL, routes: [{ models: ['a*b'], upstreams: ['main'] }] },
    'routes[0].models[0]',
    'found "a*b"; accepted: a name, with "*" only at its end',
  ],
  ['a negative deadline', { ...MINIMAL, deadlines: { idle: -1 } }, 'deadlines.idle', 'found -1'],
  [
    'a broken one',
    { ...MINIMAL, deadlines: { idle: 1.5 } },
    'deadlines.idle',
    'found 1.5; accepted: a whole',
  ],
  ['one in words', { ...MINIMAL, deadlines: { idle: '5s' } }, 'deadlines.idle', 'found "5s"'],
  ['one too long', { ...MINIMAL, deadlines: { idle: 2 ** 31 } }, 'deadlines.idle', '2147483647'],
  [
    'no connections',
    { ...MINIMAL, limits: { connectionsMax: 0 } },
    'limits.connectionsMax',
    'from 1',
  ],
  [
    'a choice that is none',
    { ...MINIMAL, onDisconnect: 'keep' },
    'onDisconnect',
    'found "keep"; accepted: cancel, drain',
  ],
  [
    'a half choice',
    { ...MINIMAL, onHalfClose: true },
    'onHalfClose',
    'found true; accepted: cancel, tolerate',
  ],
  [
    'a choice with a slip',
    { ...MINIMAL, onDisconnect: 'drian' },
    'onDisconnect',
    'found "drian"; did you mean drain? Accepted: cancel, drain',
  ],
  [
    'a text for a truth',
    { ...MINIMAL, errorEvent: 'yes' },
    'errorEvent',
    'found "yes"; accepted: true or false',
  ],
  ['no header to strip', { ...MINIMAL, stripHeaders: ['a:'] }, 'stripHeaders[0]', 'found "a:"'],
  [
    'a bare address',
    { ...MINIMAL, denyAddresses: ['10.0.0.1'] },
    'denyAddresses[0]',
    'accepted: "a',
  ],
  [
    'a long prefix',
    { ...MINIMAL, denyAddresses: ['::/129'] },
    'denyAddresses[0]',
    'found "::/129"',
  ],
];

describe('a configuration', () => {
  it.each(REFUSED)('with %s is refused', (_, value, key, rest) => {
    const message = faultOf(() => checkConfig(value, 'gateway.yaml', {}));
    expect(message).toMatch(/^gateway\.yaml: /);
    expect(message).toContain(`${key}: `);
    expect(message).toContain(rest);
  });

  it.each([
    ['', { ...MINIMAL, upsteams: [] }, 'upsteams', 'upstreams, routes, deadlines, limits'],
    ['in a deadline', { ...MINIMAL, deadlines: { idel: 1 } }, 'deadlines.idel', 'connect, resp'],
    ['in an upstream', withUpstream({ uri: 'x' }), 'upstreams[0].uri', 'id, url, headers'],
    [
      'in a route',
      { ...MINIMAL, routes: [{ path: '/', model: 'm', upstreams: ['main'] }] },
      'routes[0].model',
      'models, path, upstreams',
    ],
    ['in the limits', { ...MINIMAL, limits: { rps: 1 } }, 'limits.rps', 'headersMax, headerBytes'],
    ['in accounting', { ...MINIMAL, accounting: { x: 1 } }, 'accounting.x', 'bodyBytesMax, line'],
  ])('with an unknown key %s is told the keys that are known', (_, value, key, keys) => {
    const message = faultOf(() => checkConfig(value, 'gateway.yaml', {}));
    expect(message).toContain(`${key}: no such key; `);
    expect(message).toContain(`ccepted: ${keys}`);
  });

  it('with a slip in a key is told which was probably meant', () => {
    const value = { ...MINIMAL, deadlines: { idel: 1 }, upstrems: [] };
    expect(faultOf(() => checkConfig(value, 'x', {}))).toMatch(
      /^x: deadlines\.idel: no such key; did you mean idle\? Accepted: connect.*\n {2}upstrems: .* mean upstreams\?/,
    );
  });

  it('with a number that breaks two rules is told so once', () => {
    const message = faultOf(() => checkConfig({ ...MINIMAL, auditMs: 1e30 }, 'x', {}));
    expect(message).toBe('x: auditMs: found 1e+30; accepted: a whole number from 1 to 2147483647');
  });

  it('with several faults is told all of them', () => {
    const value = { upstreams: [{ id: '', url: '' }], errorEvent: 1, extra: 1 };
    const message = faultOf(() => checkConfig(value, 'x', {}));
    for (const key of ['upstreams[0].id', 'upstreams[0].url', 'errorEvent', 'extra']) {
      expect(message).toContain(`${key}: `);
    }
  });

  it('is given every default, and one route for every path', () => {
    const config = checkConfig(MINIMAL, 'x', {});
    expect(config.routes).toEqual([{ path: '/', upstreams: ['main'] }]);
    expect(config.denyAddresses).toContain('169.254.0.0/16');
    expect(config.deadlines.total).toBeGreaterThan(0);
  });
});

describe('a variable of the environment', () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the file's own template, not ours
  const headers = { authorization: 'Bearer ${KEY}, ${KEY}', 'x-plain': '$KEY {KEY}' };

  it('is put where it is named', () => {
    const [upstream] = checkConfig(withUpstream({ headers }), 'x', { KEY: 'k' }).upstreams;
    expect(upstream?.headers).toEqual({ authorization: 'Bearer k, k', 'x-plain': '$KEY {KEY}' });
  });

  it('is named when it is missing', () => {
    const message = faultOf(() => checkConfig(withUpstream({ headers }), 'x', {}));
    expect(message).toContain('upstreams[0].headers.authorization: KEY is not in the environment');
  });

  it('is refused, and not shown, when it would split the request (SEC-03)', () => {
    const env = { KEY: 'secret\r\nX-Evil: 1' };
    const message = faultOf(() => checkConfig(withUpstream({ headers }), 'x', env));
    expect(message).toContain('KEY is accepted: a text without line ends');
    expect(message).not.toContain('secret');
  });
});

describe('a YAML file', () => {
  it('is read', () => {
    const config = readYaml('upstreams: [{ id: main, url: "http://a" }]\nerrorEvent: false\n');
    expect(config.errorEvent).toBe(false);
  });

  it('that is empty is a configuration without upstreams', () => {
    expect(faultOf(() => readYaml(''))).toContain('upstreams: found nothing');
  });

  it.each([
    ['a bad indent', 'upstreams:\n  - id: a\n url: b\n', 3],
    ['a key that comes twice', 'errorEvent: true\nerrorEvent: false\n', 2],
    ['an open quote', 'upstreams: []\n\nonDisconnect: "cancel\n', 4],
    ['a second document', 'upstreams: []\n---\nupstreams: []\n', 2],
    ['an unknown tag', 'upstreams: []\nerrorEvent: !js true\n', 2],
  ])('with %s is refused, with its name and the line', (_, text, line) => {
    const message = faultOf(() => readYaml(text));
    expect(message).toContain('gateway.yaml: ');
    expect(message).toContain(`at line ${line}, column `);
  });

  it('that is not there is named', () => {
    const file = join(folder, 'none.yaml');
    expect(faultOf(() => readConfig(file))).toMatch(/none\.yaml: ENOENT/);
  });

  it('of aliases of aliases does not unfold', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let at = 1; at < 12; at++) {
      lines.push(
        `a${at}: &a${at} [${Array(10)
          .fill(`*a${at - 1}`)
          .join(', ')}]`,
      );
    }
    expect(faultOf(() => readYaml(lines.join('\n')))).toMatch(/gateway\.yaml: .*alias/i);
  });

  it('with an alias to nothing is refused', () => {
    expect(faultOf(() => readYaml('upstreams: *none\n'))).toMatch(/gateway\.yaml: .*alias/i);
  });

  it('with __proto__ for a key changes no prototype (SEC-16)', () => {
    const text = 'upstreams: [{ id: a, url: "http://a" }]\n__proto__: { errorEvent: false }\n';
    expect(faultOf(() => readYaml(text))).toContain('__proto__: no such key');
    expect(({} as Record<string, unknown>).errorEvent).toBeUndefined();
  });
});

describe('a flag', () => {
  it.each([
    [
      ['--upstream', 'ftp://a'],
      '--upstream: upstreams[0].url: found "ftp://a"; accepted: an http://',
    ],
    [['--config', join(folder, 'none.yaml')], 'none.yaml: ENOENT'],
  ])('%j is refused as a configuration is', async (flags, message) => {
    const all = [...flags, '--usage', join(folder, 'usage.ndjson'), '--listen', '127.0.0.1:0'];
    const run = gatewayCommand().parseAsync(all, { from: 'user' });
    const error = await run.then(() => undefined).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'INTERLOCK_BAD_CONFIG' });
    expect((error as Error).message).toContain(message);
  });
});

describe('interlock gateway --help', () => {
  /** The YAML in the help text: what stands between the first indented line and the empty one. */
  function example(): Record<string, unknown> {
    let text = '';
    const command = gatewayCommand().configureOutput({ writeOut: (part) => (text += part) });
    command.outputHelp();
    return parse(/^ {2}upstreams:[\s\S]*?(?=\n\n)/m.exec(text)?.[0] ?? '');
  }

  it('shows a file that is accepted', () => {
    const config = checkConfig(example(), 'the help', { API_KEY: 'k' });
    expect(config.upstreams[0]?.headers).toEqual({ authorization: 'Bearer k' });
    expect(config.routes).toHaveLength(2);
  });

  it('names the defaults that there are', () => {
    const { upstreams, routes, ...shown } = example();
    expect([upstreams, routes]).not.toContain(undefined);
    expect(checkConfig(MINIMAL, 'the defaults', {})).toMatchObject(shown);
  });

  it('names every deadline', () => {
    const { deadlines } = checkConfig(MINIMAL, 'the defaults', {});
    expect(Object.keys(example().deadlines as object)).toEqual(Object.keys(deadlines));
  });
});
