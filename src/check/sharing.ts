/**
 * What exchanges share in a gateway: room in its buffers, slots of its upstreams, a place in flight,
 * and its shutdown. Each exchange holds units of each; what a gateway has left is what they do not.
 *
 * The machine of one exchange knows nothing of the others. All that the gateway does between them
 * is here: an exchange waits for a slot, goes without room, and is told of a shutdown.
 */
import type { Event } from '../../machines/events.js';
import { is, orders } from '../../machines/properties/monitor.js';
import type { Memory, Step } from '../../machines/properties.js';

/** Something of which a gateway has so many units, and each exchange holds some. */
export interface Resource {
  readonly name: string;
  readonly sentence: string;
  /** How many units there are for all. */
  readonly capacity: number;
  /** Pure. What an exchange remembers of it after a step, given that there is room; 0 at first. */
  readonly next: (memory: Memory, step: Step) => Memory;
  /** The same without room. Where this is absent, the step waits until there is room. */
  readonly without?: (memory: Memory, step: Step) => Memory;
  /** How many units an exchange holds that remembers this. Fewer than none is a wrong count. */
  readonly units: (memory: Memory) => number;
}

/** One exchange among others, as the gateway sees it. */
export interface Local {
  readonly state: string;
  /** It has nothing more to do: it is processed, or it never began. */
  readonly over: boolean;
  readonly begun: boolean;
  /** It was told that the gateway shuts down. */
  readonly told: boolean;
  /** The units that it holds of each resource, in the order of the gateway's. */
  readonly units: readonly number[];
}

export interface Gateway {
  readonly resources: readonly Resource[];
  /** What the gateway tells all of its exchanges at once, and nobody else tells one. */
  readonly broadcast?: Event;
  /** Whether the gateway lets an event through to an exchange, apart from room. */
  readonly admits: (local: Local, event: Event) => boolean;
  /** Whether the broadcast reaches an exchange. */
  readonly reaches: (local: Local) => boolean;
}

const HELD = 1;
const RETURNED = 2;
/** Something was taken or returned once too often, and the count is wrong from then on. */
const AMISS = -1;
const heldOnce = (memory: Memory) => (memory === RETURNED ? 0 : memory);

/** From the forwarding of a request until its upstream is let go. */
export function slots(capacity: number): Resource {
  return {
    name: 'slots',
    sentence: 'No more requests are with an upstream than it has slots.',
    capacity,
    next: (memory, step) => {
      const free =
        orders(step, 'cancelUpstream') ||
        is(step.event, 'upstream.failed', 'response.end', 'response.trailers');
      const before = memory === HELD && free ? RETURNED : memory;
      if (before === AMISS || !orders(step, 'forwardRequestHeaders')) return before;
      return before === 0 ? HELD : AMISS;
    },
    units: heldOnce,
  };
}

const OVERFLOWED = 100;
const CLOSED = 101;

/** One unit per body that is buffered, up to `each`. What finds no room gives back what it had. */
export function buffers(capacity: number, each = 2): Resource {
  const next = (room: boolean) => (memory: Memory, step: Step) => {
    if (memory === AMISS) return AMISS;
    if (orders(step, 'releaseBuffer')) return memory === CLOSED ? AMISS : CLOSED;
    if (!orders(step, 'bufferResponseBody') || memory === OVERFLOWED) return memory;
    if (memory === CLOSED) return AMISS;
    return room && memory < each ? memory + 1 : OVERFLOWED;
  };
  return {
    name: 'buffers',
    sentence: 'No more is buffered than the budget allows.',
    capacity,
    next: next(true),
    without: next(false),
    units: (memory) => (memory < OVERFLOWED ? memory : 0),
  };
}

/** From the first headers until the exchange is processed. */
export function inFlight(capacity: number): Resource {
  return {
    name: 'inFlight',
    sentence: 'The count of what is in flight is never wrong, and never more than is admitted.',
    capacity,
    next: (memory, step) => {
      const now = memory === 0 && begins(step.event) ? HELD : memory;
      if (now === AMISS || !orders(step, 'releaseBuffer')) return now;
      return now === RETURNED ? AMISS : RETURNED;
    },
    units: heldOnce,
  };
}

/** What an exchange begins with, for a gateway: nobody knows of it before. */
export const begins = (event: Event) => is(event, 'request.headers', 'response.headers');

/** A gateway that admits nothing new once it shuts down, and tells all the others. */
export function gatewayOf(resources: readonly Resource[], broadcast?: Event): Gateway {
  return {
    resources,
    ...(broadcast === undefined ? {} : { broadcast }),
    admits: ({ begun, told }, event) => begun || !told || !begins(event),
    reaches: () => true,
  };
}

/** A claim about all exchanges of a gateway at one time. It must not depend on their order. */
export interface SharedClaim {
  readonly name: string;
  readonly sentence: string;
  /** Pure. */
  readonly holds: (locals: readonly Local[]) => boolean;
}

/** What is claimed of a gateway's exchanges together. */
export function claimsOf({ resources, broadcast }: Gateway): readonly SharedClaim[] {
  const kept = resources.map(
    ({ name, sentence, capacity }, place): SharedClaim => ({
      name: `${name}AreKept`,
      sentence,
      holds: (locals) => {
        let sum = 0;
        for (const { units } of locals) {
          if ((units[place] as number) < 0) return false;
          sum += units[place] as number;
        }
        return sum <= capacity;
      },
    }),
  );
  const returned: SharedClaim = {
    name: 'allIsReturned',
    sentence: 'An exchange that is over holds nothing, so when all are over nothing is in flight.',
    holds: (locals) =>
      locals.every(({ over, begun, units }) => !over || !begun || units.every((one) => one === 0)),
  };
  const drained: SharedClaim = {
    name: 'shutdownReachesAll',
    sentence: 'Once one exchange is told of the shutdown, every exchange that is not over is.',
    holds: (locals) =>
      !locals.some(({ told }) => told) || locals.every(({ told, over }) => told || over),
  };
  return [...kept, returned, ...(broadcast === undefined ? [] : [drained])];
}
