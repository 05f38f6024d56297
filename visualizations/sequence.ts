/**
 * A trace as a sequence of messages between parties, and as a Mermaid diagram of them.
 *
 * An event is an arrow to the gateway from whoever makes it happen, and a command an arrow from the
 * gateway to whoever it is for. What the gateway tells or orders itself stands in notes.
 */
import type { CommandType, EventType } from '../machines/events.js';
import type { TraceRecord } from '../src/trace.js';
import { movesOf } from './places.js';

export type Party = 'downstream' | 'gateway' | 'upstream' | 'Envoy';

/** Who speaks: a peer, or the gateway itself (its router, its reader of bodies, its clock). */
const SPEAKERS: Readonly<Record<EventType, Party>> = {
  'request.headers': 'downstream',
  'request.routed': 'gateway',
  'request.refused': 'gateway',
  'request.body': 'downstream',
  'request.end': 'downstream',
  'request.trailers': 'downstream',
  'upstream.connected': 'upstream',
  'upstream.failed': 'upstream',
  'response.headers': 'upstream',
  'response.body': 'upstream',
  'response.progress': 'gateway',
  'response.terminal': 'gateway',
  'response.end': 'upstream',
  'response.trailers': 'upstream',
  'downstream.blocked': 'downstream',
  'downstream.ready': 'downstream',
  'downstream.closed': 'downstream',
  'transport.closed': 'downstream',
  'gateway.failed': 'gateway',
  'drain.started': 'gateway',
  'deadline.expired': 'gateway',
  'usage.read': 'gateway',
  'usage.recorded': 'gateway',
};

/** Whom a command is for. */
const HEARERS: Readonly<Record<CommandType, Party>> = {
  holdRequestBody: 'gateway',
  holdRequestTrailers: 'gateway',
  forwardRequestHeaders: 'upstream',
  forwardHeldRequest: 'upstream',
  forwardRequestBody: 'upstream',
  forwardRequestTrailers: 'upstream',
  endRequest: 'upstream',
  cancelUpstream: 'upstream',
  pauseUpstream: 'upstream',
  resumeUpstream: 'upstream',
  forwardResponseHeaders: 'downstream',
  forwardResponseBody: 'downstream',
  forwardResponseTrailers: 'downstream',
  endResponse: 'downstream',
  answer: 'downstream',
  resetDownstream: 'downstream',
  openBuffer: 'gateway',
  bufferResponseBody: 'gateway',
  readUsage: 'gateway',
  recordUsage: 'gateway',
  releaseBuffer: 'gateway',
  startDeadline: 'gateway',
  stopDeadline: 'gateway',
  stopDeadlines: 'gateway',
  countAnomaly: 'gateway',
};

/** Who is there: both peers, or Envoy, which stands between the gateway and both. */
export type Wire = 'http' | 'envoy';
export const PARTIES: Readonly<Record<Wire, readonly Party[]>> = {
  http: ['downstream', 'gateway', 'upstream'],
  envoy: ['Envoy', 'gateway'],
};

/** One step: what came and from whom, and what was ordered, for whom. */
export interface Beat {
  readonly event: string;
  readonly from: Party;
  readonly commands: readonly { readonly to: Party; readonly command: string }[];
  /** Where it leads; empty if nowhere. */
  readonly moves: readonly string[];
}

const typeOf = (text: string) => text.replace(/\(.*/, '');

export function beatsOf(records: readonly TraceRecord[], wire: Wire): Beat[] {
  const party = (name: Party): Party => (wire === 'envoy' && name !== 'gateway' ? 'Envoy' : name);
  return records.map(({ event, commands, state }, at) => {
    const before = records[at - 1]?.state;
    return {
      event,
      from: party(SPEAKERS[typeOf(event) as EventType]),
      commands: commands.map((command) => ({
        to: party(HEARERS[typeOf(command) as CommandType]),
        command,
      })),
      moves: before === undefined ? [] : movesOf(before, state),
    };
  });
}

/** Mermaid ends a statement at a semicolon and starts an entity at a number sign. */
const escaped = (text: string) => text.replace(/[#;]/g, (sign) => `#${sign.charCodeAt(0)};`);

/** `ending` is what is wrong, or else what came of it. */
export function mermaidOf(records: readonly TraceRecord[], wire: Wire, ending: string): string {
  const parties = PARTIES[wire];
  const over = `${parties[0]},${parties.at(-1)}`;
  const lines = beatsOf(records, wire).flatMap(({ event, from, commands, moves }) => [
    `${from}->>gateway: ${event}`,
    ...commands.map(({ to, command }) => {
      if (to !== 'gateway') return `gateway-->>${to}: ${command}`;
      return note(command.startsWith('countAnomaly') ? over : 'gateway', command);
    }),
    ...(moves.length === 0 ? [] : [note('gateway', `→ ${moves.join(', ')}`)]),
  ]);
  const all = [
    ...parties.map((name) => `participant ${name}`),
    ...joined(lines),
    note(over, ending),
  ];
  return ['sequenceDiagram', ...all.map((line) => `  ${line}`)].join('\n');
}

const note = (over: string, text: string) => `Note over ${over}: ${escaped(text)}`;

/** Notes over the gateway that follow each other are one, with a line for each. */
function joined(lines: readonly string[]): string[] {
  const head = 'Note over gateway: ';
  const all: string[] = [];
  for (const line of lines) {
    const last = all.at(-1);
    if (line.startsWith(head) && last?.startsWith(head)) {
      all[all.length - 1] = `${last}<br/>${line.slice(head.length)}`;
    } else all.push(line);
  }
  return all;
}
