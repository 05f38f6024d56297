/// <reference lib="dom" />
/** The diagram of a machine with a state lit in it, and what was passed on the way there. */
import { diagrams } from '../../generated/viewer.generated.js';
import { statesIn } from './lighting.js';

export class Drawing {
  readonly element: HTMLElement;
  #machine: string | undefined;
  #boxes = new Map<string, SVGGElement>();

  constructor(element: HTMLElement) {
    this.element = element;
  }

  /** `state` is lit; `passed` are the states before it. An unknown machine shows nothing. */
  show(machine: string | undefined, state: string | undefined, passed: readonly string[]): void {
    if (machine !== this.#machine) this.#draw(machine);
    const lit = state === undefined ? new Set<string>() : statesIn(state);
    const seen = new Set([...new Set(passed)].flatMap((name) => [...statesIn(name)]));
    for (const [name, box] of this.#boxes) {
      box.classList.toggle('lit', lit.has(name));
      box.classList.toggle('passed', seen.has(name) && !lit.has(name));
    }
    const deepest = [...lit].filter((name) => this.#boxes.has(name)).at(-1);
    this.#reveal(deepest === undefined ? undefined : this.#boxes.get(deepest));
  }

  /** The names of the boxes that are lit. */
  get lit(): string[] {
    return [...this.#boxes]
      .filter(([, box]) => box.classList.contains('lit'))
      .map(([name]) => name);
  }

  #draw(machine: string | undefined): void {
    this.#machine = machine;
    // Our own text, of which nothing comes from a trace.
    this.element.innerHTML = (machine === undefined ? undefined : diagrams[machine]) ?? '';
    const groups = [...this.element.querySelectorAll<SVGGElement>('g.node, g.cluster')];
    this.#boxes = new Map(
      groups.map((group) => [group.querySelector('title')?.textContent ?? '', group]),
    );
    for (const [name, group] of this.#boxes) group.dataset.state = name;
  }

  /** Scrolls the pane, and not the page. */
  #reveal(box: SVGGElement | undefined): void {
    if (box === undefined) return;
    const pane = this.element.getBoundingClientRect();
    const { top, bottom, left, right } = box.getBoundingClientRect();
    // What of the pane is in the window, if the page itself is scrolled to it at all.
    const inWindow = pane.top < innerHeight - pane.height / 4;
    const paneBottom = inWindow ? Math.min(pane.bottom, innerHeight) : pane.bottom;
    this.element.scrollBy({
      top: inwards(top - Math.max(pane.top, 0), bottom - paneBottom),
      left: inwards(left - pane.left, right - pane.right),
    });
  }
}

/** How far to go for what begins and ends so far from a pane's own ends; its beginning counts more. */
function inwards(begins: number, ends: number): number {
  if (begins < 0) return begins - MARGIN;
  return ends > 0 ? Math.min(ends, begins) + MARGIN : 0;
}

const MARGIN = 8;
