/// <reference lib="dom" />
/** Time travel over one run: the timeline, the buttons, the keys, and the line that tells it. */
import type { Drawing } from './drawing.js';
import { Grid } from './grid.js';
import { byId } from './parts.js';
import type { Run } from './runs.js';
import { judge, MARKS, stateBefore, telling } from './runs.js';

const TAKES_KEYS = 'input, select, textarea, [role=grid]';

export class Stepper {
  /** Called when another step is shown. */
  moved: () => void = () => {};
  #run: Run | undefined;
  #at = 0;
  /** How long the run was when it was last drawn. */
  #drawn = 0;
  readonly #drawing: Drawing;
  readonly #grid: Grid;

  constructor(drawing: Drawing) {
    this.#drawing = drawing;
    this.#grid = new Grid({
      id: 'timeline',
      label: 'Timeline',
      columns: ['seq', 'at (ms)', 'event', 'answer', 'state', 'commands'],
      row: (at) => this.#row(at),
      chosen: (at) => this.go(at),
    });
    byId('timeline-place').append(this.#grid.element);
    const buttons: Record<string, () => number> = {
      first: () => 0,
      back: () => this.#at - 1,
      forth: () => this.#at + 1,
      last: () => this.length,
    };
    for (const [id, to] of Object.entries(buttons)) {
      byId(id).addEventListener('click', () => this.go(to()));
    }
    document.addEventListener('keydown', (event) => this.#keyed(event));
  }

  get run(): Run | undefined {
    return this.#run;
  }

  /** How many records have been taken. */
  get at(): number {
    return this.#at;
  }

  get length(): number {
    return this.#run?.records.length ?? 0;
  }

  /** The state after the step that is shown. */
  get state(): string | undefined {
    const run = this.#run;
    if (run === undefined) return undefined;
    return this.#at === 0 ? stateBefore(run, 0) : run.records[this.#at - 1]?.state;
  }

  show(run: Run, at: number): void {
    this.#run = run;
    byId('run-title').textContent = run.title;
    byId('run-notes').replaceChildren(
      ...run.notes.map((note) => {
        const item = document.createElement('li');
        item.textContent = note;
        return item;
      }),
    );
    byId('run').hidden = false;
    this.go(at);
  }

  /**
   * The run has grown, and so many of its older records are gone. Who stood at its end goes along.
   * What comes by itself is not spoken: it would drown what was asked for.
   */
  grew(gone: number): void {
    const to = this.#at === this.#drawn ? this.length : Math.max(0, this.#at - gone);
    byId('current').setAttribute('aria-live', 'off');
    this.#show(to);
  }

  go(to: number): void {
    byId('current').setAttribute('aria-live', 'polite');
    this.#show(to);
  }

  #show(to: number): void {
    const run = this.#run;
    if (run === undefined) return;
    const stays = to === this.#at;
    this.#at = Math.min(Math.max(to, 0), this.length);
    this.#drawn = this.length;
    if (stays) this.#grid.update(this.length + 1, this.#at);
    else this.#grid.show(this.length + 1, this.#at);
    byId('current').textContent = telling(run, this.#at);
    const kind = this.#at === 0 ? undefined : judge(run, this.#at - 1).kind;
    byId('current').dataset.kind = kind ?? 'start';
    const passed = run.records.slice(0, Math.max(this.#at - 1, 0)).map(({ state }) => state);
    const first = this.#at === 0 ? undefined : stateBefore(run, 0);
    this.#drawing.show(run.machine?.name, this.state, first ? [first, ...passed] : passed);
    for (const id of ['first', 'back']) disable(id, this.#at === 0);
    for (const id of ['forth', 'last']) disable(id, this.#at === this.length);
    this.moved();
  }

  #row(at: number) {
    const run = this.#run as Run;
    const record = run.records[at - 1];
    if (record === undefined) {
      return { cells: ['', '', 'before', '', stateBefore(run, 0) ?? 'not recorded', ''] };
    }
    const { seq, at: ms, event, state, commands } = record;
    const { kind } = judge(run, at - 1);
    const cells = [`${seq}`, ms.toFixed(1), event, MARKS[kind], state, commands.join(', ')];
    return { cells, look: kind };
  }

  #keyed(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    if ((event.target as Element).closest?.(TAKES_KEYS)?.matches(':not(#timeline)')) return;
    const moves: Record<string, number> = {
      ArrowLeft: this.#at - 1,
      ArrowRight: this.#at + 1,
      Home: 0,
      End: this.length,
    };
    const to = moves[event.key];
    if (to === undefined || this.#run === undefined) return;
    event.preventDefault();
    this.go(to);
  }
}

/** Not the attribute `disabled`, which would take the focus away from whoever stands on it. */
function disable(id: string, off: boolean): void {
  byId(id).setAttribute('aria-disabled', String(off));
}
