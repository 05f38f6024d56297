/**
 * What a good engineer would write by hand for the way of one streamed exchange: a switch on the
 * event and the state, and lists of commands made beforehand. It knows only that way.
 */
import type { Command, Event } from '../../machines/events.js';

const command = (type: string, fields: Record<string, string> = {}) =>
  ({ type, ...fields }) as unknown as Command;
const start = (deadline: string) => command('startDeadline', { deadline });
const stop = (deadline: string) => command('stopDeadline', { deadline });

const NOTHING: readonly Command[] = [];
const HEADERS = [start('total'), start('requestBody')];
const HOLD = [command('holdRequestBody'), start('requestBody')];
const HELD = [stop('requestBody')];
const ROUTED = [
  command('forwardRequestHeaders'),
  start('connect'),
  command('forwardHeldRequest'),
  command('endRequest'),
  start('responseHeaders'),
];
const CONNECTED = [stop('connect')];
const BEGIN = [
  command('forwardResponseHeaders'),
  command('openBuffer'),
  stop('connect'),
  stop('responseHeaders'),
  start('firstByte'),
  start('progress'),
];
const FIRST = [
  command('forwardResponseBody'),
  command('bufferResponseBody'),
  stop('firstByte'),
  start('idle'),
];
const BODY = [command('forwardResponseBody'), command('bufferResponseBody'), start('idle')];
const PROGRESS = [start('progress')];
const TERMINAL = [stop('progress'), start('linger')];
const END = [
  command('stopDeadlines'),
  command('endResponse'),
  command('readUsage'),
  start('settle'),
  command('recordUsage', { outcome: 'completed' }),
];
const RECORDED = [command('stopDeadlines'), command('releaseBuffer')];

type State = 'new' | 'held' | 'ended' | 'sent' | 'begun' | 'body' | 'last' | 'settling' | 'done';

export class Handwritten {
  #state: State = 'new';

  receive(event: Event): readonly Command[] {
    switch (event.type) {
      case 'request.headers':
        if (this.#state !== 'new') return NOTHING;
        this.#state = 'held';
        return HEADERS;
      case 'request.body':
        return this.#state === 'held' ? HOLD : NOTHING;
      case 'request.end':
        if (this.#state !== 'held') return NOTHING;
        this.#state = 'ended';
        return HELD;
      case 'request.routed':
        if (this.#state !== 'ended') return NOTHING;
        this.#state = 'sent';
        return ROUTED;
      case 'upstream.connected':
        return this.#state === 'sent' ? CONNECTED : NOTHING;
      case 'response.headers':
        if (this.#state !== 'sent' || event.status !== 'success') return NOTHING;
        this.#state = 'begun';
        return BEGIN;
      case 'response.body':
        if (this.#state === 'begun') {
          this.#state = 'body';
          return FIRST;
        }
        return this.#state === 'body' || this.#state === 'last' ? BODY : NOTHING;
      case 'response.progress':
        return this.#state === 'body' ? PROGRESS : NOTHING;
      case 'response.terminal':
        if (this.#state !== 'body') return NOTHING;
        this.#state = 'last';
        return TERMINAL;
      case 'response.end':
        if (this.#state !== 'body' && this.#state !== 'last') return NOTHING;
        this.#state = 'settling';
        return END;
      case 'usage.recorded':
        if (this.#state !== 'settling') return NOTHING;
        this.#state = 'done';
        return RECORDED;
      default:
        return NOTHING;
    }
  }
}
