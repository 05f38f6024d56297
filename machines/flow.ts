/** Whether the downstream reads. While it does not, the upstream is paused and its pace proves nothing. */
import { absorb, start, stop, vocabulary } from './vocabulary.js';

export const flow = vocabulary.createStateConfig({
  initial: 'flowing',
  states: {
    flowing: {
      on: {
        'response.body': [{ guard: 'empty' }, { actions: [start('idle')] }],
        'downstream.ready': absorb('toldBefore'),
        'downstream.blocked': {
          target: 'blocked',
          actions: [
            'pauseUpstream',
            stop('firstByte'),
            stop('idle'),
            stop('progress'),
            start('stall'),
          ],
        },
      },
    },
    blocked: {
      on: {
        'downstream.blocked': absorb('toldBefore'),
        'downstream.ready': [
          {
            guard: 'bodyAwaited',
            target: 'flowing',
            actions: ['resumeUpstream', stop('stall'), start('idle'), start('progress')],
          },
          // After the last event, and in an error's body, there is no progress to wait for.
          { target: 'flowing', actions: ['resumeUpstream', stop('stall'), start('idle')] },
        ],
      },
    },
  },
});
