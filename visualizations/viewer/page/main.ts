/// <reference lib="dom" />
/** The page: what is chosen becomes a run, it is stepped through, and the address says where. */
import { exhibits } from '../../generated/viewer.generated.js';
import { Drawing } from './drawing.js';
import { Grid } from './grid.js';
import { begun, drawn, mayCome, offer, runByHand } from './hand.js';
import { Live } from './live.js';
import { byId } from './parts.js';
import type { ByHand, Place } from './place.js';
import { hashOf, placeOf } from './place.js';
import type { Held } from './reading.js';
import { Holdings, outcomeOf, summaryOf } from './reading.js';
import type { Run } from './runs.js';
import { machines, played } from './runs.js';
import { Stepper } from './stepper.js';

const holdings = new Holdings();
const drawing = new Drawing(byId('diagram'));
const stepper = new Stepper(drawing);
/** What is shown, without its step. */
let shown: Place | undefined;
/** Where a server is beside the page. */
let live: Live | undefined;

const exchanges = new Grid({
  id: 'exchanges',
  label: 'Exchanges',
  columns: ['exchange', 'outcome', 'state', 'records', 'anomalies', 'violated', 'file'],
  row: (at) => {
    const held = holdings.held[at] as Held;
    const state = held.records.at(-1)?.state ?? '';
    const counts = [held.records.length, held.anomalies, held.violations].map(String);
    return { cells: [held.id, outcomeOf(held), state, ...counts, held.file] };
  },
  chosen: (at) => showHeld(holdings.held[at] as Held, 0),
});
byId('exchanges-place').append(exchanges.element);

const gallery = new Grid({
  id: 'gallery',
  label: 'Counterexamples',
  columns: ['claims', 'steps', 'the first claim it breaks'],
  row: (at) => {
    const { claims, events } = exhibits[at] as (typeof exhibits)[number];
    return { cells: [`${claims.length}`, `${events.length}`, claims[0]?.sentence ?? ''] };
  },
  chosen: (at) => showExhibit(at, 0),
});
byId('gallery-place').append(gallery.element);

function showHeld(held: Held, step: number): void {
  const { id, file, records, machine } = held;
  const known = machine === undefined ? 'of no machine known here' : `machine ${machine.name}`;
  const notes = [`${records.length} records from ${file}, ${known}.`];
  const place = { kind: 'exchange', id, step } as const;
  show(holdings.find(id) === held ? place : { ...place, file }, {
    title: `Exchange ${id}`,
    notes,
    machine,
    records,
  });
  list(holdings.held.indexOf(held));
}

function showExhibit(at: number, step: number): void {
  const exhibit = exhibits[at];
  const machine = machines.find(({ name }) => name === exhibit?.machine);
  if (exhibit === undefined || machine === undefined) {
    throw new RangeError(`no counterexample ${at + 1}`);
  }
  const { claims, events, ending } = exhibit;
  const sentences = claims.map(({ name, sentence }) => `${name}: ${sentence}`);
  show(
    { kind: 'counterexample', number: at + 1, step },
    {
      title: `Counterexample ${at + 1} of the machine ${machine.name}`,
      notes: [`In the end ${ending}.`, ...sentences],
      machine,
      records: played(machine, events),
    },
  );
  gallery.show(exhibits.length, at);
}

function showHand(place: ByHand): void {
  show(place, runByHand(place));
}

function showLive(id: string): void {
  if (live === undefined) say(`Exchange ${id} was live, and nothing here is.`);
  else live.choose(id);
}

function show(place: Place, run: Run): void {
  shown = place;
  if (place.kind !== 'live') live?.leave();
  if (place.kind !== 'exchange') list(-1);
  if (place.kind !== 'counterexample') gallery.show(exhibits.length, -1);
  stepper.show(run, place.kind === 'live' ? run.records.length : place.step);
}

/** What the state that is shown offers; the answer to it is by hand, whatever the run was. */
stepper.moved = () => {
  if (shown === undefined) return;
  const hash = `#${hashOf(shown.kind === 'live' ? shown : { ...shown, step: stepper.at })}`;
  // A browser stops a page that sets its address again and again, as a live run would.
  if (hash !== location.hash) history.replaceState(null, '', hash);
  const { run, at, state } = stepper;
  const { machine, records } = run as Run;
  const whole = records.slice(0, Math.max(at, 1)).every(({ seq }, place) => seq === place);
  byId('hand').hidden = machine === undefined || !whole;
  if (machine === undefined || state === undefined || !machine.codes.has(state)) return;
  const before = records.slice(0, at).map((record) => record.event);
  const environment = shown.kind === 'hand' ? shown.environment : 'anyone';
  offer(machine, state, mayCome(machine, environment, before), (event) => {
    const events = [...before, event];
    showHand({ kind: 'hand', machine: machine.name, environment, events, step: at + 1 });
  });
};

function restore(hash: string): void {
  const place = placeOf(hash);
  if (place === undefined) return;
  try {
    if (place.kind === 'counterexample') showExhibit(place.number - 1, place.step);
    else if (place.kind === 'hand') showHand(place);
    else if (place.kind === 'live') showLive(place.id);
    else {
      const held = holdings.find(place.id, place.file);
      if (held === undefined) say(`No exchange ${place.id} in what was opened.`);
      else showHeld(held, place.step);
    }
  } catch (error) {
    say(`The address names nothing that can be shown: ${(error as Error).message}.`);
  }
}

function say(text: string, faults: readonly string[] = []): void {
  byId('status').textContent = text;
  byId('faults').replaceChildren(
    ...faults.map((fault) => {
      const item = document.createElement('li');
      item.textContent = fault;
      return item;
    }),
  );
}

interface Opened {
  readonly name: string;
  readonly stream: () => Promise<ReadableStream<Uint8Array>>;
}

/**
 * Reads files one after the other and tells how far it is. Then it shows what `hash` names, or else
 * the first exchange of them, unless something else was chosen in the meantime.
 */
async function open(files: readonly Opened[], hash = ''): Promise<void> {
  const before = holdings.held.length;
  const shownBefore = shown;
  const texts: string[] = [];
  const faults: string[] = [];
  for (const { name, stream } of files) {
    try {
      const reading = await holdings.read(name, chunksOf(await stream()), async (so) => {
        say(`Reading ${summaryOf(so)}`, faults);
        list(chosenAt());
        // A turn of the page's own: a long file must not keep it from being used.
        await new Promise((resolve) => setTimeout(resolve));
      });
      texts.push(summaryOf(reading));
      faults.push(...reading.told.map((fault) => `${name}: ${fault}`));
    } catch (error) {
      faults.push(`${name}: cannot be read: ${(error as Error).message}`);
    }
  }
  if (files.length > 0) say(texts.join(' '), faults);
  list(chosenAt());
  const first = holdings.held[before];
  if (shown !== shownBefore) return;
  if (placeOf(hash) !== undefined) restore(hash);
  else if (first !== undefined) showHeld(first, 0);
}

/** The exchanges of the traces, with the one of this row chosen; -1 for none. */
function list(chosen: number): void {
  byId('exchanges-place').hidden = holdings.held.length === 0;
  exchanges.show(holdings.held.length, chosen);
}

/** The row of the exchange that is shown, -1 for none. */
function chosenAt(): number {
  const records = shown?.kind === 'exchange' ? stepper.run?.records : undefined;
  return records === undefined ? -1 : holdings.held.findIndex((one) => one.records === records);
}

async function* chunksOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    void reader.cancel().catch(() => {});
  }
}

const chosen = (files: Iterable<File>): Opened[] =>
  [...files].map((file) => ({ name: file.name, stream: async () => file.stream() }));

function listen(): void {
  const input = byId<HTMLInputElement>('file');
  input.addEventListener('change', () => void open(chosen(input.files ?? [])));
  document.addEventListener('dragover', (event) => event.preventDefault());
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    void open(chosen(event.dataTransfer?.files ?? []));
  });
  byId('begin').addEventListener('click', () => showHand(begun()));
  byId('play').addEventListener('click', () => showHand(drawn()));
  byId('environment').addEventListener('change', () => {
    if (shown?.kind !== 'hand') return;
    const { environment } = begun();
    showHand({ ...shown, environment, seed: undefined, step: stepper.at });
  });
  addEventListener('hashchange', () => restore(location.hash));
}

/** The files that the command was given, which it serves beside the page. */
async function served(): Promise<Opened[]> {
  const names = (await (await fetch('traces')).json()) as string[];
  return names.map((name, at) => ({
    name,
    stream: async () => {
      const answer = await fetch(`traces/${at}`);
      if (!answer.ok || answer.body === null) throw new Error(`the server said ${answer.status}`);
      return answer.body;
    },
  }));
}

/** What the server that this page comes from has to show live. */
async function watch(): Promise<void> {
  const told = (await (await fetch('live')).json()) as { machine: string } | null;
  const machine = machines.find(({ name }) => name === told?.machine);
  if (machine === undefined) return;
  // What is live comes first, and what else there is to see comes last.
  document.querySelector('main')?.append(byId('choose'));
  live = new Live({
    machine,
    chosen: (id, run) => show({ kind: 'live', id }, run),
    grew: (gone) => stepper.grew(gone),
    say,
  });
}

listen();
drawing.show('exchange', undefined, []);
gallery.show(exhibits.length, -1);
await watch();
const files = live === undefined ? await served() : [];
if (files.length === 0) {
  const first = live === undefined ? 'No trace is open.' : 'Live: choose an exchange.';
  say(`${first} Choose or drop a trace, pick a counterexample, or begin by hand.`);
}
await open(files, location.hash);
document.documentElement.dataset.ready = 'true';
