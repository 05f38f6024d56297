/** What a demo says: what it is about to do, and what came of it. Pure. */
import type { DemoReport, Side } from './demo.js';
import type { Traffic } from './traffic.js';

const WIDTHS = [46, 10, 11] as const;

/** Said before the run. */
export function headOf({ exchanges, lateEnds, seed, concurrency }: Traffic): string {
  const what = `${of(exchanges, 'exchange')}, ${concurrency} at once`;
  return `${what}, with each of two servers, over gRPC, by a client
that behaves like Envoy: it splits bodies at random, and ${percent(lateEnds)} of the responses get a
late end, a second end_of_stream that is empty or has the last bytes again. (In the
field: 1 to 2 in 10.)

  legacy      the handler of the bug: it parses its buffer at the end, and forgets it
  interlock   the machine

Seed ${seed}. For other traffic: --exchanges <n> --late-ends <0..1> --seed <n>
`;
}

/** Said after it: a table of both servers, and the verdict. */
export function textOf(report: DemoReport): string {
  const { legacy, interlock } = report.servers;
  const lines: string[] = [row('', 'legacy', 'interlock')];
  const count = (label: string, of: (side: Side) => number) => {
    lines.push(row(label, String(of(legacy)), String(of(interlock))));
  };
  const each = (of: (side: Side) => Readonly<Record<string, number>>) => {
    const all = { ...of(interlock), ...of(legacy) };
    const names = Object.keys(all).sort((one, other) => (all[other] ?? 0) - (all[one] ?? 0));
    for (const name of names) count(`  ${name}`, (side) => of(side)[name] ?? 0);
  };
  count('exchanges', ({ exchanges }) => exchanges);
  count('  with a late end', ({ lateEnds }) => sum(lateEnds));
  count('wrong 500s', ({ wrong500s }) => sum(wrong500s));
  each(({ wrong500s }) => wrong500s);
  count('other faults', ({ otherFaults }) => sum(otherFaults));
  each(({ otherFaults }) => otherFaults);
  count('usage lost', ({ usage }) => usage.lost);
  count('usage doubled', ({ usage }) => usage.doubled);
  count('usage wrong', ({ usage }) => usage.wrong);
  count('failed, of those with a late end', ({ failed }) => failed.withLateEnd);
  count('failed, of those without', ({ failed }) => failed.withoutLateEnd);
  count('anomalies absorbed', ({ anomalies }) => sum(anomalies));
  each(({ anomalies }) => anomalies);
  lines.push(row('time', seconds(legacy), seconds(interlock)));
  return `${lines.join('\n')}\n\n${verdictOf(report)}\n`;
}

/** Whether the right server did what it is for. */
export function acquits(side: Side): boolean {
  return failures(side) === 0;
}

function verdictOf({ servers: { legacy, interlock } }: DemoReport): string {
  const ours = acquits(interlock)
    ? 'Interlock, under the same traffic, failed on none.'
    : `Interlock failed on ${failures(interlock)}, and should have on none.`;
  return `${legacyVerdictOf(legacy)}\n${ours}`;
}

function legacyVerdictOf(legacy: Side): string {
  const { failed, exchanges } = legacy;
  const late = sum(legacy.lateEnds);
  if (late === 0 && acquits(legacy)) {
    return 'The legacy server failed on none: without late ends it does well.';
  }
  const on =
    failed.withoutLateEnd === 0 && failed.withLateEnd === late
      ? 'on each that got a late end, and on no other'
      : `on ${failed.withLateEnd} of ${late} with a late end, and ${failed.withoutLateEnd} without`;
  return `The legacy server failed on ${failures(legacy)} of ${of(exchanges, 'exchange')}: ${on}.`;
}

function failures({ failed }: Side): number {
  return failed.withLateEnd + failed.withoutLateEnd;
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

function row(label: string, ...cells: readonly string[]): string {
  const shown = cells.map((cell, at) => cell.padStart(WIDTHS[at + 1] as number));
  return `${label.padEnd(WIDTHS[0])}${shown.join('')}`.trimEnd();
}

function of(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(2))} %`;
}

function seconds({ ms }: Side): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
