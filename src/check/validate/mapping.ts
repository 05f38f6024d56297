/** A mapping: how the lines of a foreign log tell which exchange they speak of, and what happened. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { badDocument, checked, yamlIn } from '../../documents.js';
import { acceptedFor } from '../../spelling.js';
import type { Read, Test } from './fields.js';
import { fieldOf, recordsAt, testOf } from './fields.js';
import type { File, Source, What } from './schema.js';
import { codes, schema } from './schema.js';
import { WIDTH } from './states.js';

const UNITS = { ms: 1, s: 1000, us: 1e-3, ns: 1e-6, iso: 0 } as const;

/** What a line told: of each record the exchange and its events, and what could not be told. */
export interface Told {
  readonly sightings: readonly Sighting[];
  readonly ignored: boolean;
  /** Why a part of it is not understood. */
  readonly faults: readonly string[];
}

interface Sighting {
  readonly id: string;
  readonly codes: readonly number[];
  readonly at: number | undefined;
  readonly last: boolean;
}

interface Rule {
  readonly fits: Test;
  readonly codesOf: (read: Read) => readonly number[] | undefined;
  readonly last: boolean;
}

export class Mapping {
  readonly name: string;
  readonly environment: File['environment'];
  readonly begins: File['begins'];
  readonly idleMs: number | undefined;
  /** The events that the log can show, and those that may happen without being shown. */
  readonly seen: readonly number[];
  readonly unseen: readonly number[];
  readonly #file: File;
  readonly #rules: readonly Rule[];
  readonly #ignore: readonly Test[];

  constructor(name: string, file: File) {
    this.name = name;
    this.environment = file.environment;
    this.begins = file.begins;
    this.idleMs = file.idleMs;
    this.#file = file;
    this.#rules = file.events.map(({ when = {}, event: what, last }) => ({
      fits: testOf(when),
      codesOf: codesOf(what),
      last,
    }));
    this.#ignore = file.ignore.map(testOf);
    const seen = new Set(file.events.flatMap(({ event: what }) => shownBy(what)));
    this.seen = [...seen];
    const all = Array.from({ length: WIDTH }, (_, code) => code);
    this.unseen =
      file.unseen?.map((text) => codes.get(text) as number) ??
      all.filter((code) => !seen.has(code));
  }

  /** The fields that it asks for, for a message on a log that has none of them. */
  get asks(): string {
    const { id, pattern: line, format } = this.#file;
    const fields = this.#file.events.flatMap(({ when = {} }) => Object.keys(when));
    const ids = id === 'line' ? [] : [id.field ?? `a match of ${id.regex}`];
    const text = format === 'text' && line !== undefined ? [`lines like ${line}`] : [];
    return [...new Set([...text, ...ids, ...fields])].join(', ');
  }

  read(line: string, number: number): Told {
    const root = this.#rootOf(line);
    if (typeof root === 'string') return nothing(root);
    const sightings: Sighting[] = [];
    const faults: string[] = [];
    let ignored = false;
    for (const { path, as } of this.#file.records) {
      const all = path === '' && !Array.isArray(root) ? [[root]] : recordsAt(root, path);
      for (const scopes of all) {
        const read = (field: string) => {
          if (field === '$line') return line;
          return field === '$record' ? as : fieldOf(scopes, field);
        };
        const told = this.#tell(read, number);
        if (typeof told === 'string') faults.push(told);
        else if (told === undefined) ignored = true;
        else sightings.push(told);
      }
    }
    ignored = (ignored || faults.length === 0) && sightings.length === 0;
    return { sightings, ignored, faults };
  }

  #rootOf(line: string): object | string {
    const { format, pattern: shape } = this.#file;
    if (format === 'text') {
      const groups = shape === undefined ? {} : shape.exec(line)?.groups;
      if (groups !== undefined) return groups;
      const skipped = this.#ignore.some((test) =>
        test((field) => fieldOf([{ $line: line }], field)),
      );
      if (skipped || this.#file.otherwise === 'ignore') return [];
      return `"pattern" does not match: ${quoted(line)}`;
    }
    try {
      const value: unknown = JSON.parse(line);
      return typeof value === 'object' && value !== null ? value : `no object: ${quoted(line)}`;
    } catch {
      return `not JSON: ${quoted(line)}`;
    }
  }

  /** A sighting, a fault, or nothing for a record that the mapping ignores. */
  #tell(read: Read, number: number): Sighting | string | undefined {
    if (this.#ignore.some((test) => test(read))) return undefined;
    const found: number[] = [];
    let [fitted, last] = [false, this.#file.whole];
    for (const item of this.#rules) {
      if (!item.fits(read)) continue;
      const these = item.codesOf(read);
      if (these === undefined) continue;
      found.push(...these);
      fitted = true;
      last ||= item.last;
      if (this.#file.match === 'first') break;
    }
    if (!fitted) {
      if (this.#file.otherwise === 'ignore') return undefined;
      return `no rule of the mapping fits: ${quoted(String(read('$line')))}`;
    }
    const id = this.#file.id === 'line' ? `line ${number}` : idOf(this.#file.id, read);
    if (id === undefined) return `no id of an exchange, which is ${this.#idSource()}`;
    return { id, codes: found, at: this.#timeOf(read), last };
  }

  #idSource(): string {
    const { field = 'the line', regex } = this.#file.id as Source;
    return regex === undefined ? `the field ${field}` : `what ${regex} finds in ${field}`;
  }

  #timeOf(read: Read): number | undefined {
    if (this.#file.time === undefined) return undefined;
    const { field, as } = this.#file.time;
    const value = read(field);
    if (value === undefined) return undefined;
    const time = as === 'iso' ? Date.parse(String(value)) : Number(value) * UNITS[as];
    return Number.isNaN(time) ? undefined : time;
  }
}

function nothing(fault: string): Told {
  return { sightings: [], ignored: false, faults: [fault] };
}

function idOf({ field = '$line', regex }: Source, read: Read): string | undefined {
  const value = read(field);
  if (value === undefined || typeof value === 'object') return undefined;
  const text = String(value);
  if (regex === undefined) return text;
  const match = regex.exec(text);
  return match?.groups?.id ?? match?.[1] ?? match?.[0];
}

function codesOf(what: What): Rule['codesOf'] {
  if (typeof what === 'string' || Array.isArray(what)) {
    const fixed = shownBy(what);
    return () => fixed;
  }
  const { field, names = {} } = what;
  const known = new Map(Object.entries(names).map(([name, text]) => [name, codes.get(text)]));
  return (read) => {
    const value = String(read(field));
    const code = known.get(value) ?? codes.get(value);
    return code === undefined ? undefined : [code];
  };
}

function shownBy(what: What): number[] {
  if (typeof what === 'string') return [codes.get(what) as number];
  if (Array.isArray(what)) return what.map((text) => codes.get(text) as number);
  // Without names the field holds events themselves, so it can show every one.
  const names = what.names === undefined ? [...codes.keys()] : Object.values(what.names);
  return [...new Set(names)].map((text) => codes.get(text) as number);
}

function quoted(line: string): string {
  return JSON.stringify(line.slice(0, 80));
}

/** From the sources and from the build the mappings lie at different distances. */
const PLACES = ['./mappings/', '../../../../src/check/validate/mappings/'];

const shipped = () =>
  PLACES.map((place) => fileURLToPath(new URL(place, import.meta.url))).find((path) =>
    existsSync(path),
  );

/** The names of the mappings that come with us. */
export function mappingNames(): string[] {
  const folder = shipped();
  const files = folder === undefined ? [] : readdirSync(folder);
  return files.map((file) => file.replace(/\.yaml$/, '')).sort();
}

/** Reads a mapping by its file, or by the name of one of ours. Throws `INTERLOCK_BAD_CONFIG`. */
export function readMapping(nameOrFile: string): Mapping {
  const ours = mappingNames().includes(nameOrFile);
  const file = ours ? join(shipped() as string, `${nameOrFile}.yaml`) : nameOrFile;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const accepted = acceptedFor(nameOrFile, mappingNames());
    throw badDocument('--map', [`${(cause as Error).message}; ${accepted}, or a file`]);
  }
  return mappingOf(text, nameOrFile);
}

/** Checks the text of a mapping. `place` names it in errors. Throws `INTERLOCK_BAD_CONFIG`. */
export function mappingOf(text: string, place: string): Mapping {
  return new Mapping(place, checked(schema, yamlIn(text, place), place));
}
