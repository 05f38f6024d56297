/** The peer that plays Envoy, against servers that break one rule each, or fail. */
import { describe, expect, it } from 'vitest';
import type { Kind } from '../src/adapters/ext-proc/wire.js';
import type { Script } from './envoy/script.js';
import { onKind, play, REQUEST_BODY, RESPONSE_BODY } from './envoy/script.js';
import { WRONG } from './envoy/wrong.js';

describe('a server is told its fault', () => {
  for (const [name, where, mode, script, plan] of WRONG) {
    it(`${name}: ${where}, in ${mode}`, async () => {
      const { faults } = await play(mode, script, plan);
      const names = faults.map((fault) => fault.slice(0, fault.indexOf(':')));
      expect([...new Set(names)]).toEqual([name]);
    });
  }

  it('an end that does not come after a half-close', async () => {
    const script: Script = (_, right, __, call) => {
      call.removeAllListeners('end');
      return right;
    };
    const { faults, downstream } = await play('NONE', script, { closeTimeoutMs: 20 });
    expect(faults).toEqual(['stream left open: 20 ms after the half-close']);
    expect(downstream.complete).toBe(true);
  });
});

describe('what a failing server does to the exchange', () => {
  const breakAt: (kind: Kind) => Script = (at) => (kind, right, _, call) => {
    if (kind !== at) return right;
    call.emit('error', { code: 14, details: 'gone' });
    return [];
  };

  it('is a 500 before the response has begun, and a 504 for a timeout', async () => {
    const broken = await play('STREAMED', breakAt('responseHeaders'));
    expect(broken.downstream).toMatchObject({ status: 500, complete: true });
    const slow = await play('STREAMED', onKind('requestHeaders'), { messageTimeoutMs: 20 });
    expect(slow.downstream).toMatchObject({ status: 504, complete: true });
    expect(slow.timedOut).toBe(true);
  });

  it('is a reset afterwards', async () => {
    const { downstream } = await play('STREAMED', breakAt('responseBody'));
    expect(downstream).toMatchObject({ status: 200, complete: false });
  });

  it('is nothing with failure_mode_allow', async () => {
    for (const script of [breakAt('requestBody'), onKind('requestBody', { responseBody: {} })]) {
      const { downstream, upstream } = await play('STREAMED', script, { failureModeAllow: true });
      expect(upstream.body.toString()).toBe(REQUEST_BODY);
      expect(downstream.body.toString()).toBe(RESPONSE_BODY);
      expect(downstream.complete).toBe(true);
    }
  });

  it('is a 500 all the same once a full duplex body was given away', async () => {
    const plan = { failureModeAllow: true };
    const { downstream } = await play('FULL_DUPLEX_STREAMED', breakAt('requestBody'), plan);
    expect(downstream.status).toBe(500);
  });

  it('is nothing when it closes cleanly: Envoy goes on without it', async () => {
    for (const mode of ['NONE', 'STREAMED', 'BUFFERED', 'BUFFERED_PARTIAL'] as const) {
      const script: Script = (_, __, ___, call) => {
        call.end();
        return [];
      };
      const { faults, left, upstream, downstream, end } = await play(mode, script);
      expect([faults, left, end?.code]).toEqual([[], true, 0]);
      expect(upstream.body.toString()).toBe(REQUEST_BODY);
      expect(downstream.body.toString()).toBe(RESPONSE_BODY);
    }
  });
});
