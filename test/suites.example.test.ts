/** An example: how a suite is run on a gateway of your own. With the package, from 'interlock'. */
import { expect, it } from 'vitest';
import { type Adapter, type Event, Exchange, runSuite, suiteOf } from '../src/index.js';

/** The gateway of the example: it tells its transport what to do, when it has time for it. */
class Gateway {
  readonly #exchange = new Exchange({ id: 'example' });
  readonly #order: (what: string, which?: string) => void;

  constructor(order: (what: string, which?: string) => void) {
    this.#order = order;
  }

  async happened(event: Event): Promise<void> {
    await Promise.resolve();
    for (const { type, ...fields } of this.#exchange.receive(event)) {
      this.#order(type, Object.values(fields)[0]);
    }
  }
}

/**
 * The adapter. A session is one exchange; `take` brings it an event and gives what was ordered for
 * it, as texts. What an order leads to (`readUsage` to `usage.read`) is not for the adapter to say:
 * it is an event of the suite, which also tries what happens when it comes too early, or twice.
 */
const adapter: Adapter = {
  start() {
    const orders: string[] = [];
    const gateway = new Gateway((what, which) => {
      orders.push(which === undefined ? what : `${what}(${which})`);
    });
    return {
      async take(event) {
        await gateway.happened(event);
        return orders.splice(0);
      },
    };
  },
};

it('answers each event in each state as the machine does', async () => {
  const suite = suiteOf({ method: 'transitions' });
  const { failed, text } = await runSuite(suite, adapter);
  expect(failed, text).toBe(0);
});

it('keeps its order however often the ends of a response come', async () => {
  const bag = [
    'request.headers',
    'request.routed',
    'request.end',
    'response.headers(success)',
    'response.body(false)',
    'response.end',
    'response.end',
  ];
  const { failed, text } = await runSuite(suiteOf({ method: 'bag', bag }), adapter);
  expect(failed, text).toBe(0);
});
