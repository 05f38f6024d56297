/// <reference lib="dom" />
/** A table of any length of which only what is in sight exists, used by keyboard as by pointer. */

export interface GridOptions {
  readonly id: string;
  readonly label: string;
  readonly columns: readonly string[];
  /** The cells of a row, and a word for how it looks. */
  readonly row: (at: number) => { readonly cells: readonly string[]; readonly look?: string };
  readonly chosen: (at: number) => void;
}

const ROW_PX = 26;
const PAGE_ROWS = 10;
/** Rows beyond both edges, so that a small scroll shows no gap. */
const SPARE_ROWS = 8;

export class Grid {
  readonly element = document.createElement('div');
  readonly #body = document.createElement('div');
  readonly #options: GridOptions;
  /** Those that exist, by their number. */
  readonly #rows = new Map<number, HTMLElement>();
  #count = 0;
  #at = -1;

  constructor(options: GridOptions) {
    this.#options = options;
    const { element } = this;
    element.id = options.id;
    element.className = `grid ${options.id}`;
    element.tabIndex = 0;
    element.setAttribute('role', 'grid');
    element.setAttribute('aria-label', options.label);
    const head = rowOf(options.columns.length, 'columnheader');
    options.columns.forEach((text, column) => {
      write(head.children[column] as HTMLElement, text);
    });
    head.className = 'row head';
    head.setAttribute('aria-rowindex', '1');
    this.#body.className = 'rows';
    this.#body.setAttribute('role', 'rowgroup');
    element.append(head, this.#body);
    element.addEventListener('scroll', () => this.#draw());
    element.addEventListener('keydown', (event) => this.#keyed(event));
    element.addEventListener('click', ({ target }) => {
      const row = (target as Element).closest<HTMLElement>('[data-at]');
      if (row !== null) options.chosen(Number(row.dataset.at));
    });
    new ResizeObserver(() => this.#draw()).observe(element);
  }

  /** Shows so many rows, one of them as chosen (-1: none), and brings it into sight. */
  show(count: number, at: number): void {
    this.update(count, at);
    const { element } = this;
    const top = at * ROW_PX;
    const room = Math.max(element.clientHeight - 2 * ROW_PX, ROW_PX);
    if (at >= 0 && top < element.scrollTop) element.scrollTop = top;
    if (at >= 0 && top > element.scrollTop + room) element.scrollTop = top - room + ROW_PX;
    this.#draw();
  }

  /** The same, and it stays where it was scrolled to. */
  update(count: number, at: number): void {
    this.#count = count;
    this.#at = at;
    this.#body.style.height = `${count * ROW_PX}px`;
    this.element.setAttribute('aria-rowcount', String(count + 1));
    this.#draw();
  }

  #keyed(event: KeyboardEvent): void {
    const moves: Record<string, number> = {
      ArrowDown: this.#at + 1,
      ArrowUp: this.#at - 1,
      PageDown: this.#at + PAGE_ROWS,
      PageUp: this.#at - PAGE_ROWS,
      Home: 0,
      End: this.#count - 1,
    };
    const to = moves[event.key];
    if (to === undefined || this.#count === 0 || event.ctrlKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    this.#options.chosen(Math.min(Math.max(to, 0), this.#count - 1));
  }

  #draw(): void {
    const { scrollTop, clientHeight } = this.element;
    const first = Math.max(0, Math.floor(scrollTop / ROW_PX) - SPARE_ROWS);
    const last = Math.min(this.#count, Math.ceil((scrollTop + clientHeight) / ROW_PX) + SPARE_ROWS);
    const sights: number[] = [];
    for (let at = first; at < last; at++) sights.push(at);
    // What is spoken as chosen must exist, though it may be scrolled out of sight.
    if (this.#at >= 0 && this.#at < this.#count && (this.#at < first || this.#at >= last)) {
      sights.push(this.#at);
    }
    this.#place(sights);
    const active = this.#at < 0 ? '' : `${this.#options.id}-${this.#at}`;
    this.element.setAttribute('aria-activedescendant', active);
  }

  /**
   * Rows that stay in sight stay the same elements. A browser makes no click of a press and a
   * release if the element under them was replaced in between, and a live table changes in less.
   */
  #place(sights: readonly number[]): void {
    const stay = new Set(sights);
    for (const [at, row] of this.#rows) {
      if (stay.has(at)) continue;
      row.remove();
      this.#rows.delete(at);
    }
    sights.forEach((at, place) => {
      const row = this.#filled(at);
      const there = this.#body.children[place] ?? null;
      if (row !== there) this.#body.insertBefore(row, there);
    });
  }

  #filled(at: number): HTMLElement {
    const { cells, look = '' } = this.#options.row(at);
    const row = this.#rows.get(at) ?? this.#begun(at, cells.length);
    row.className = `row ${look}`;
    row.setAttribute('aria-selected', String(at === this.#at));
    cells.forEach((text, column) => {
      write(row.children[column] as HTMLElement, text);
    });
    return row;
  }

  #begun(at: number, columns: number): HTMLElement {
    const row = rowOf(columns, 'gridcell');
    row.id = `${this.#options.id}-${at}`;
    row.dataset.at = String(at);
    row.style.top = `${at * ROW_PX}px`;
    row.setAttribute('aria-rowindex', String(at + 2));
    this.#rows.set(at, row);
    return row;
  }
}

function rowOf(columns: number, role: string): HTMLElement {
  const row = document.createElement('div');
  row.setAttribute('role', 'row');
  for (let column = 0; column < columns; column++) {
    const cell = document.createElement('span');
    cell.setAttribute('role', role);
    row.append(cell);
  }
  return row;
}

function write(cell: HTMLElement, text: string): void {
  if (cell.textContent === text) return;
  cell.textContent = text;
  cell.title = text;
}
