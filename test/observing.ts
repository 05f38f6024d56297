/** Telemetry as the command line opens it, for a test: `/metrics` on a free port, and a reader of it. */
import { onTestFinished } from 'vitest';
import type { OpenOptions } from '../src/observe/open.js';
import { openTelemetry } from '../src/observe/open.js';
import type { Telemetry } from '../src/observe/telemetry.js';
import { World } from './harness.js';

/** A line of `/metrics`. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export class Observed {
  readonly warnings: string[] = [];
  #close: () => Promise<void> = async () => {};

  private constructor(
    readonly telemetry: Telemetry,
    readonly url: string,
  ) {}

  static async open(options: Partial<OpenOptions> = {}): Promise<Observed> {
    const warnings: string[] = [];
    const opened = await openTelemetry({
      metrics: (listen) => listen({ host: '127.0.0.1', port: 0 }),
      endpoints: {},
      models: [],
      warn: (message) => warnings.push(message),
      ...options,
    });
    const observed = new Observed(opened.telemetry, opened.metricsUrl ?? '');
    observed.#close = opened.close;
    Object.assign(observed, { warnings });
    return observed;
  }

  /** What `/metrics` says now. */
  async text(): Promise<string> {
    const response = await fetch(this.url);
    if (response.status !== 200) throw new Error(`/metrics says ${response.status}`);
    return await response.text();
  }

  async samples(): Promise<Sample[]> {
    return samplesIn(await this.text());
  }

  close(): Promise<void> {
    return this.#close();
  }
}

/** Closed when the test is over, after all that it opened later. */
export async function observed(options: Partial<OpenOptions> = {}): Promise<Observed> {
  const opened = await Observed.open(options);
  onTestFinished(() => opened.close());
  return opened;
}

/** A gateway that is observed; closed when the test is over. */
export async function gateway(
  seen: Observed,
  config: Record<string, unknown> = {},
): Promise<World> {
  const world = await World.start({ telemetry: seen.telemetry, config });
  onTestFinished(() => world.close());
  return world;
}

/** Reads the text format strictly: a line that is neither a comment nor a sample is an error. */
export function samplesIn(text: string): Sample[] {
  return text.split('\n').flatMap((line) => {
    if (line === '' || line.startsWith('# ')) return [];
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (match === null) throw new Error(`no sample: ${JSON.stringify(line)}`);
    const [, name = '', inside = '', value = ''] = match;
    const pairs = [...inside.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)/g)];
    const labels = Object.fromEntries(pairs.map(([, key, found]) => [key, found]));
    return [{ name, labels, value: Number(value.replace('Inf', 'Infinity')) }] as Sample[];
  });
}

/** The sum of the samples of this name that have these labels. */
export function sumOf(
  samples: readonly Sample[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  return samples
    .filter((sample) => sample.name === name)
    .filter((sample) =>
      Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    )
    .reduce((sum, { value }) => sum + value, 0);
}
