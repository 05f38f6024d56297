/** Paragraphs of a generated page, in lines that are as long as those that are written by hand. */
import { wrapped } from './dot.js';

export function prose(text: string): string[] {
  return [...wrapped(text.trim().split(/\s+/), 98, ' '), ''];
}
