/// <reference lib="dom" />
/** The parts of the page by their ids, which are in its text. */

export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no part "${id}"`);
  return found as T;
}
