import { afterEach, describe, expect, it } from 'vitest';
import { World } from './harness.js';

let world: World;
afterEach(() => world.close());

const CHAT = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'Tell me about order.' }];

describe('a gateway between a client and an upstream', () => {
  it('passes a JSON response on as it is and records its usage once', async () => {
    world = await World.start();
    const body = JSON.stringify({ model: 'interlock-small', messages });
    const direct = await fetch(world.upstream.url + CHAT, { method: 'POST', body });
    const passed = await fetch(world.url + CHAT, { method: 'POST', body });
    expect(await passed.text()).toBe(await direct.text());
    const [record, ...more] = await world.recorded();
    expect(more).toEqual([]);
    expect(record).toMatchObject({ outcome: 'completed', status: 200, usage: { kind: 'final' } });
  });
});
