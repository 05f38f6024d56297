/** What the address says after its hash: the run that is shown, and the step in it. Pure. */

export type Place =
  | {
      readonly kind: 'exchange';
      readonly id: string;
      /** Where several files have an exchange of this name. */
      readonly file?: string | undefined;
      readonly step: number;
    }
  /** One that is followed, and so has no step to be at. */
  | { readonly kind: 'live'; readonly id: string }
  | { readonly kind: 'counterexample'; readonly number: number; readonly step: number }
  | ByHand;

export interface ByHand {
  readonly kind: 'hand';
  readonly machine: string;
  /** Who may speak: the name of an environment. */
  readonly environment: string;
  /** Where the events were drawn by lot, and none was chosen by hand. */
  readonly seed?: number | undefined;
  readonly events: readonly string[];
  readonly step: number;
}

/** The hash, without its sign. */
export function hashOf(place: Place): string {
  const words = new URLSearchParams();
  if (place.kind === 'live') return `${new URLSearchParams({ live: place.id })}`;
  if (place.kind === 'exchange') {
    words.set('exchange', place.id);
    if (place.file !== undefined) words.set('file', place.file);
  } else if (place.kind === 'counterexample') words.set('counterexample', String(place.number));
  else {
    words.set('machine', place.machine);
    words.set('environment', place.environment);
    if (place.seed !== undefined) words.set('seed', String(place.seed));
    words.set('events', place.events.join(','));
  }
  words.set('step', String(place.step));
  return words.toString();
}

/** Undefined for a hash that names nothing. A step that is none is the first. */
export function placeOf(hash: string): Place | undefined {
  const words = new URLSearchParams(hash.replace(/^#/, ''));
  const step = countIn(words.get('step')) ?? 0;
  const [id, live, number, machine] = ['exchange', 'live', 'counterexample', 'machine'].map((one) =>
    words.get(one),
  );
  const file = words.get('file');
  if (id != null) return { kind: 'exchange', id, ...(file == null ? {} : { file }), step };
  if (live != null) return { kind: 'live', id: live };
  if (number != null) return { kind: 'counterexample', number: Number(number), step };
  if (machine == null) return undefined;
  const events = (words.get('events') ?? '').split(',').filter((text) => text !== '');
  const environment = words.get('environment') ?? 'anyone';
  return { kind: 'hand', machine, environment, seed: countIn(words.get('seed')), events, step };
}

function countIn(text: string | null): number | undefined {
  const count = text === null || text === '' ? -1 : Number(text);
  return Number.isSafeInteger(count) && count >= 0 ? count : undefined;
}
