import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { table } from '../src/step.js';
import { pictures } from '../visualizations/render.js';

describe('what is drawn of the machine', () => {
  it.each(pictures)('is fresh: $file', ({ file, text }) => {
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  it('shows every state that the machine can wait in', () => {
    const words = new Set(table.states.join(' ').match(/[A-Za-z]+/g));
    const [diagram] = pictures;
    const outcomes =
      /^(completed|rejected|cancelled|upstreamFailed|timedOut|drained|violated|unknown)$/;
    const missing = [...words].filter((word) => !diagram?.text.includes(`"${word}"`));
    expect(missing.filter((word) => !outcomes.test(word))).toEqual([]);
  });
});
