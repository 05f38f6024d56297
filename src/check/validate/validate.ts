/**
 * Validation of a log: our own traces, or a foreign log through a mapping. It reads the log once, in
 * memory that depends on how many exchanges are open and not on how long the log is.
 */
import type { Environment } from '../../../machines/environments.js';
import { anyone, environments } from '../../../machines/environments.js';
import { InterlockError } from '../../errors.js';
import { table as exchange } from '../../step.js';
import type { Table } from '../../table.js';
import type { Bytes } from './lines.js';
import { Lines, unpacked } from './lines.js';
import type { Mapping } from './mapping.js';
import type { Report } from './report.js';
import { Findings } from './report.js';
import { Sightings } from './sightings.js';
import { Beliefs, Space } from './states.js';
import { Traces } from './traces.js';

export interface Progress {
  readonly lines: number;
  readonly records: number;
  readonly diverging: number;
}

export interface ValidateOptions {
  /** How a foreign log is read. Without it the log is a trace of ours. */
  readonly mapping?: Mapping | undefined;
  /** Whose log it is. Default: the exchange machine. */
  readonly table?: Table | undefined;
  /** Who spoke. Default: what the mapping says; for a trace of ours, `anyone`. */
  readonly environment?: Environment | undefined;
  /** Whether an anomaly or a violation diverges, and is not only counted. */
  readonly strict?: boolean | undefined;
  /** Whether the log may begin in the middle of exchanges. Default: what the mapping says. */
  readonly partial?: boolean | undefined;
  /** How many divergences, and how many lines that cannot be read, are told whole. Default: 20. */
  readonly reportsMax?: number | undefined;
  /** The longest line. Default: 1 MiB. */
  readonly lineBytesMax?: number | undefined;
  /** How many exchanges may be open at once, and be remembered once they are over. */
  readonly openMax?: number | undefined;
  readonly overMax?: number | undefined;
  /** Called after each block that was read. */
  readonly progress?: ((progress: Progress) => void) | undefined;
}

/** Takes blocks of bytes of a log, and gives the report at its end. */
export class Validator {
  readonly #findings: Findings;
  readonly #lines: Lines;
  readonly #mapping: Mapping | undefined;
  readonly #judge: Traces | Sightings;
  #firstLine: string | undefined;

  /** Throws `INTERLOCK_BAD_OPTION` for options that do not go together. */
  constructor(options: ValidateOptions = {}) {
    const { mapping, reportsMax = 20, lineBytesMax = 1 << 20 } = options;
    this.#mapping = mapping;
    this.#findings = new Findings(reportsMax);
    this.#judge = mapping === undefined ? this.#traces(options) : this.#sightings(mapping, options);
    const traces = this.#judge instanceof Traces ? this.#judge : undefined;
    const take =
      traces === undefined
        ? (text: string, number: number) => this.#take(text, number)
        : (text: string, number: number) => {
            if (text !== '') traces.line(number === 1 ? unmarked(text) : text, number);
          };
    this.#lines = new Lines(
      {
        line: take,
        tooLong: (number) =>
          this.#findings.cannotRead(number, `the line has more than ${lineBytesMax} bytes`),
        last: (text, number) => this.#last(take, text, number),
      },
      lineBytesMax,
    );
  }

  /** How many exchanges are held in memory. */
  get held(): number {
    return this.#judge.held;
  }

  get progress(): Progress {
    const { records, diverging } = this.#findings;
    return { lines: this.#lines.count, records, diverging };
  }

  feed(block: Uint8Array): void {
    this.#lines.feed(Buffer.from(block.buffer, block.byteOffset, block.byteLength));
  }

  end(): Report {
    this.#lines.end();
    return this.#finish();
  }

  /** Ends with a log that could be read only this far. */
  broken(why: string): Report {
    this.#lines.end();
    this.#findings.cannotRead(this.#lines.count, `the log cannot be read on from here: ${why}`);
    return this.#finish();
  }

  #traces({ table = exchange, environment = anyone, ...options }: ValidateOptions): Traces {
    const { strict = false, partial, openMax, overMax } = options;
    if (partial === true && environment !== anyone) {
      throw new InterlockError(
        'INTERLOCK_BAD_OPTION',
        'a trace that begins in the middle does not tell what its peers said before; ' +
          'accepted with it: the environment "anyone"',
      );
    }
    const space = new Space({ table, environment, violations: strict, anomalies: strict });
    return new Traces({ space, findings: this.#findings, partial, openMax, overMax });
  }

  #sightings(mapping: Mapping, options: ValidateOptions): Sightings {
    const { table = exchange, strict = false, openMax, overMax } = options;
    const named = environments.find(({ name }) => name === mapping.environment);
    const environment = options.environment ?? named ?? anyone;
    const space = new Space({ table, environment, violations: true, anomalies: strict });
    return new Sightings({
      beliefs: new Beliefs(space, mapping.unseen),
      findings: this.#findings,
      partial: options.partial ?? mapping.begins === 'anywhere',
      idleMs: mapping.idleMs,
      seen: mapping.seen,
      openMax,
      overMax,
    });
  }

  #take(given: string, number: number): void {
    const text = number === 1 ? unmarked(given) : given;
    if (text.trim() === '' || this.#mapping === undefined) return;
    this.#firstLine ??= text;
    const { sightings, ignored, faults } = this.#mapping.read(text, number);
    for (const { id, codes, at, last } of sightings) {
      (this.#judge as Sightings).take({ id, codes, line: number, at, last });
    }
    if (ignored) this.#findings.ignored++;
    for (const fault of faults) this.#findings.cannotRead(number, fault);
  }

  /** A last line without a newline is whole, or it was torn off where the writer was stopped. */
  #last(take: (text: string, number: number) => void, text: string, number: number): void {
    const before = this.#findings.unreadable;
    take(text, number);
    if (this.#findings.unreadable > before) {
      this.#findings.cannotRead(number, 'the log ends in the middle of this line', true);
    }
  }

  #finish(): Report {
    this.#judge.end();
    this.#findings.lines = this.#lines.count;
    if (this.#mapping !== undefined && this.#findings.records === 0) {
      if (this.#firstLine !== undefined) {
        this.#findings.wrongMapping(
          `the mapping ${this.#mapping.name} finds no event in this log: it asks for ` +
            `${this.#mapping.asks}; the log begins ${JSON.stringify(this.#firstLine.slice(0, 160))}`,
        );
      }
    }
    return this.#findings.report;
  }
}

/** Some writers put a byte order mark in front. */
function unmarked(text: string): string {
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

/**
 * Validates a whole log, plain or gzip. What breaks off in the middle (a gzip file that was cut) is
 * told in the report, with the line. Throws `INTERLOCK_BAD_OPTION`, and what `bytes` throws before
 * it gives a byte.
 */
export async function validate(bytes: Bytes, options: ValidateOptions = {}): Promise<Report> {
  const validator = new Validator(options);
  let begun = false;
  try {
    for await (const block of unpacked(bytes)) {
      begun ||= block.length > 0;
      validator.feed(block);
      options.progress?.(validator.progress);
    }
  } catch (error) {
    const { code, syscall, message } = error as NodeJS.ErrnoException;
    // A file that cannot be opened is no log, and what has no code is no fault of reading.
    if (code === undefined || (syscall !== undefined && !begun)) throw error;
    return validator.broken(message);
  }
  return validator.end();
}
