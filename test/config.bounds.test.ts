/** Every number in a configuration: what it may be, and that a server with it at its bounds serves. */
import { afterEach, describe, expect, it } from 'vitest';
import { checkConfig as checkExtProc } from '../src/adapters/ext-proc/config.js';
import { checkConfig as checkGateway } from '../src/adapters/http/config.js';
import { InterlockError } from '../src/errors.js';
import { begin, finish } from './envoy/flight.js';
import { RH } from './envoy/messages.js';
import { EnvoyWorld } from './envoy/world.js';
import { World } from './harness.js';

const GATEWAY = { upstreams: [{ id: 'main', url: 'http://10.0.0.7:8000' }] };
const ACCOUNTING = [
  'bodyBytesMax',
  'lineBytesMax',
  'eventBytesMax',
  'inflatedBytesMax',
  'inflateRatioMax',
  'tokensMax',
  'bufferBudgetBytes',
];
type Config = Record<string, unknown>;
type Bounds = readonly [least: number, most: number];

function nested(path: string, value: unknown): Config {
  // Neither of the two may pass the other, which is a rule of its own.
  if (path.startsWith('ejection.forMs')) return { ejection: { forMs: value, forMsMax: value } };
  return path.split('.').reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as Config;
}

/** The dotted paths of the numbers that a configuration has. */
function numbersOf(config: object, above = ''): string[] {
  return Object.entries(config).flatMap(([key, value]) => {
    if (typeof value === 'number') return [`${above}${key}`];
    const plain = typeof value === 'object' && value !== null && !Array.isArray(value);
    return plain ? numbersOf(value, `${above}${key}.`) : [];
  });
}

const ADAPTERS = {
  gateway: (config: Config) => checkGateway({ ...GATEWAY, ...config }, 'x', {}),
  'ext-proc': (config: Config) => checkExtProc(config, 'x', {}),
} as const;
type Adapter = keyof typeof ADAPTERS;

const keysOf = (adapter: Adapter) => [
  ...numbersOf(ADAPTERS[adapter]({})),
  ...ACCOUNTING.map((key) => `accounting.${key}`),
];

/** What is said of a value; nothing where it is accepted. */
function faultOf(adapter: Adapter, key: string, value: unknown): string | undefined {
  try {
    ADAPTERS[adapter](nested(key, value));
  } catch (error) {
    expect(error).toBeInstanceOf(InterlockError);
    return (error as Error).message;
  }
  return undefined;
}

/** The least and the most that are accepted, as the message tells them. */
function boundsOf(adapter: Adapter, key: string): Bounds {
  const told = /a (?:whole )?number from (\d+)(?: to (\d+))?$/.exec(
    faultOf(adapter, key, Number.NaN) ?? '',
  );
  expect(told, key).not.toBeNull();
  return [Number(told?.[1]), Number(told?.[2] ?? Number.MAX_VALUE)];
}

describe.each(['gateway', 'ext-proc'] as const)('a number of the %s', (adapter) => {
  it.each(keysOf(adapter))('%s is within the bounds that its error tells', (key) => {
    const [least, most] = boundsOf(adapter, key);
    const wrong = [
      least - 1,
      -1,
      -1e300,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      `${least}`,
      null,
      [],
    ];
    if (most < Number.MAX_VALUE) wrong.push(most + 1, 1e300, least + 0.5);
    for (const value of wrong) {
      const fault = faultOf(adapter, key, value);
      expect(fault).toMatch(/^x: [\w.]+: found [^;]+; accepted: a (whole )?number from \d+/);
      expect(fault).toContain(`${key}: found `);
    }
    for (const value of [least, most]) expect(faultOf(adapter, key, value)).toBeUndefined();
  });
});

describe('0', () => {
  const from0 = (adapter: Adapter) =>
    keysOf(adapter).filter((key) => boundsOf(adapter, key)[0] === 0);

  it('is refused where it would mean that nothing is served, or no usage is read', () => {
    const never = /^deadlines\./;
    expect(from0('gateway').filter((key) => !never.test(key))).toEqual([
      'limits.detachedBytesMax',
      'limits.informationalMax',
      'limits.headersMs',
      'limits.keepAliveMs',
      'limits.lingerBytes',
      'limits.lingerMs',
      'ejection.failures',
    ]);
    expect(from0('ext-proc').filter((key) => !never.test(key))).toEqual(['ejection.failures']);
  });
});

describe('at its bounds', () => {
  let world: World | EnvoyWorld | undefined;
  afterEach(async () => {
    await world?.close();
    world = undefined;
  });

  const ask = async (): Promise<number> => {
    const body = JSON.stringify({
      model: 'interlock-small',
      messages: [{ role: 'user', content: 'x' }],
    });
    const { url } = world as World;
    const response = await fetch(`${url}/v1/chat/completions`, { method: 'POST', body });
    await response.arrayBuffer();
    return response.status;
  };

  /** All keys at a bound, each section as an object. */
  function all(adapter: Adapter, at: 0 | 1): Config {
    const config: Record<string, Config> = {};
    for (const key of keysOf(adapter)) {
      const [section = '', name] = key.split('.');
      const bound = boundsOf(adapter, key)[at];
      if (name === undefined) Object.assign(config, { [section]: bound });
      else config[section] = { ...config[section], [name]: bound };
    }
    return config;
  }

  it('the gateway with each number at its most serves', async () => {
    world = await World.start({ config: all('gateway', 1) });
    expect(await ask()).toBe(200);
    const [record] = await world.recorded();
    expect(record?.usage.kind).toBe('final');
  });

  it.each(keysOf('gateway'))('the gateway with %s at its least answers', async (key) => {
    const [least] = boundsOf('gateway', key);
    world = await World.start({ config: nested(key, least) });
    expect([200, 413, 414, 431, 504]).toContain(await ask());
  });

  it.each([0, 1] as const)('the ext_proc server with each number there answers: %d', async (at) => {
    world = await EnvoyWorld.start(all('ext-proc', at));
    const flight = await begin(world.client, RH());
    await finish(flight);
  });
});
