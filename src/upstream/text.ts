// What the upstream has to say: readable, and the same for the same seed and question.

import { draw, type Random, random, seedFrom } from './random.js';

/** A composed text, cut into the tokens that are streamed. */
export interface Composed {
  readonly text: string;
  readonly tokens: readonly string[];
  /** The text ended by itself, or was cut at `tokensMax`. */
  readonly finish: 'stop' | 'length';
}

/**
 * Two or three sentences drawn from the seed and the key.
 *
 * @param tokensMin goes on with more sentences until there are as many tokens.
 * @param tokensMax cuts the text after as many tokens.
 */
export function compose(
  seed: number,
  key: string,
  tokensMin = 0,
  tokensMax = Number.POSITIVE_INFINITY,
): Composed {
  const source = random(seedFrom(seed, key));
  const sentenceCount = 2 + draw(source, 2);
  const sentences: string[] = [];
  let count = 0;
  let deck: string[] = [];
  while (sentences.length < sentenceCount || count < Math.min(tokensMin, tokensMax)) {
    if (deck.length === 0) deck = shuffle(SENTENCES, source);
    const sentence = deck.pop() ?? '';
    sentences.push(sentence);
    count += countTokens(sentence);
  }
  const all = tokenize(sentences.join(' '));
  const tokens = all.slice(0, tokensMax);
  return {
    text: tokens.join(''),
    tokens,
    finish: tokens.length < all.length ? 'length' : 'stop',
  };
}

/** The one rule of counting: a token is a word with the white space before it. */
export function tokenize(text: string): string[] {
  return text.match(/\s*\S+/g) ?? [];
}

export function countTokens(text: string): number {
  return tokenize(text).length;
}

/** All the strings inside a message, a prompt or an input, as one text. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map(textOf).filter(Boolean).join('\n');
  if (typeof value !== 'object' || value === null) return '';
  if ('content' in value) return textOf(value.content);
  return 'text' in value ? textOf(value.text) : '';
}

function shuffle(items: readonly string[], source: Random): string[] {
  const shuffled = [...items];
  for (let last = shuffled.length - 1; last > 0; last -= 1) {
    const other = draw(source, last + 1);
    [shuffled[last], shuffled[other]] = [shuffled[other] ?? '', shuffled[last] ?? ''];
  }
  return shuffled;
}

const SENTENCES: readonly string[] = [
  'An interlock keeps the door shut until the press has stopped.',
  'The signal at the junction turns green only when every switch has moved and locked.',
  'A stream is finished when its last event has come, and not one byte sooner.',
  'Nobody opens a canal lock while the water on both sides stands at different heights.',
  'The lift will not move while one of its doors is open.',
  'A good gateway passes on what it hears and adds nothing of its own.',
  'Trains share the track because each of them waits for its token.',
  'Two keys turn together, or nothing happens at all.',
  'The end of a message deserves as much care as its beginning.',
  'What was counted once must never be counted twice.',
  'The microwave oven falls silent the moment its door opens.',
  'Order is easy to promise and hard to keep when everybody talks at once.',
  'A late answer is still an answer, but the question may have gone home.',
  'The pilot cannot lift the wheels while the aircraft stands on them.',
  'Silence on a wire can mean patience, or trouble, and only a clock can tell.',
  'Small machines with few states make large machines that people trust.',
];
