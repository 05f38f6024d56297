import { afterEach, describe, expect, it } from 'vitest';
import { Client, request } from './faults.js';
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

  const pad = 'x'.repeat(20 * 1024);
  it.each([
    ['short, with its head', {}, false, 'request.end request.routed'],
    ['long', { pad }, false, 'request.routed request.end'],
    ['in pieces', {}, true, 'request.routed request.end'],
  ])('a request body that comes %s goes on whole, and no later than it must', async (...row) => {
    const [, more, inPieces, order] = row;
    world = await World.start();
    const body = JSON.stringify({ model: 'interlock-small', messages, ...more });
    const client = await Client.connect(world.port);
    const text = request({ body });
    const first = inPieces ? text.length - 10 : text.length;
    client.socket.write(text.slice(0, first));
    if (inPieces) await world.event('request.routed');
    client.socket.write(text.slice(first));
    expect(await client.reply()).toMatchObject({ status: 200, whole: true });
    const [asked] = world.upstream.requests;
    expect(asked).toMatchObject({ complete: true, bodyBytes: body.length });
    expect(asked?.headers['content-length']).toBe(`${body.length}`);
    const told = world.traces.map(({ event }) => event);
    expect(told.filter((event) => /^request\.(routed|end)$/.test(event)).join(' ')).toBe(order);
  });
});
