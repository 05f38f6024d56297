/**
 * Whether a configuration is one that Envoy would read: every key, name and kind of value, held
 * against Envoy's own files, which come with `@grpc/grpc-js-xds`. They are older than Envoy is.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { loadSync } from '@grpc/proto-loader';

interface Field {
  readonly name: string;
  readonly label: string;
  readonly type: string;
  readonly typeName: string;
}
interface Type {
  readonly name: string;
  /** Of a message; an enum has `value`. */
  readonly field?: readonly Field[];
  readonly nestedType?: readonly Type[];
  readonly enumType?: readonly Type[];
  readonly value?: readonly { readonly name: string }[];
}

const xds = dirname(createRequire(import.meta.url).resolve('@grpc/grpc-js-xds'));
const includeDirs = ['envoy-api', 'xds', 'googleapis', 'protoc-gen-validate'].map((name) =>
  join(xds, '../../deps', name),
);

/** Reads a value of a type, and all within it, as Envoy reads YAML; gives what it would refuse. */
export class Reader {
  readonly #types = new Map<string, Type>();

  constructor(files: readonly string[]) {
    const loaded = loadSync([...files], { includeDirs, keepCase: true });
    for (const [name, { type }] of Object.entries(loaded) as [string, { type?: Type }][]) {
      if (type !== undefined) this.#learn(name, type);
    }
  }

  #learn(name: string, type: Type): void {
    this.#types.set(name, type);
    for (const inner of [...(type.nestedType ?? []), ...(type.enumType ?? [])]) {
      this.#learn(`${name}.${inner.name}`, inner);
    }
  }

  /** What is wrong with a value of the type of this full name. */
  faultsOf(typeName: string, value: unknown, place = typeName): string[] {
    const known = wellKnown(typeName, value);
    if (known !== undefined) return known ? [] : [`${place}: no ${typeName}`];
    if (typeName === 'google.protobuf.Any') return this.#faultsOfAny(value, place);
    const type = this.#types.get(typeName);
    if (type === undefined) return [`${place}: no such type: ${typeName}`];
    if (type.field === undefined) {
      return type.value?.some(({ name }) => name === value) ? [] : [`${place}: no ${typeName}`];
    }
    if (!isObject(value)) return [`${place}: no ${typeName}`];
    return Object.entries(value).flatMap(([key, item]) => {
      const field = type.field?.find(({ name }) => name === key);
      if (field === undefined) return [`${place}.${key}: no such field of ${typeName}`];
      return this.#faultsOfField(typeName, field, item, `${place}.${key}`);
    });
  }

  #faultsOfField(scope: string, field: Field, value: unknown, place: string): string[] {
    const one = (item: unknown, at: string | number) =>
      this.#faultsOfOne(scope, field, item, `${place}[${at}]`);
    if (field.label !== 'LABEL_REPEATED') return this.#faultsOfOne(scope, field, value, place);
    if (Array.isArray(value)) return value.flatMap(one);
    // A map is a list of entries, each a message of its own with a key and a value.
    const name = this.#resolve(scope, field.typeName);
    const entry = this.#types.get(name)?.field?.find((item) => item.name === 'value');
    if (entry === undefined || !isObject(value)) return [`${place}: no list`];
    return Object.entries(value).flatMap(([key, item]) =>
      this.#faultsOfOne(name, entry, item, `${place}.${key}`),
    );
  }

  #faultsOfOne(scope: string, { type, typeName }: Field, value: unknown, place: string): string[] {
    if (typeName !== '') return this.faultsOf(this.#resolve(scope, typeName), value, place);
    const wanted = type === 'TYPE_STRING' ? 'string' : type === 'TYPE_BOOL' ? 'boolean' : 'number';
    return typeof value === wanted ? [] : [`${place}: no ${wanted}`];
  }

  #faultsOfAny(value: unknown, place: string): string[] {
    if (!isObject(value)) return [`${place}: no typed config`];
    const { '@type': url, ...rest } = value;
    return this.faultsOf(String(url).replace('type.googleapis.com/', ''), rest, place);
  }

  /** A name is looked for from the inside to the outside. */
  #resolve(scope: string, name: string): string {
    const parts = scope.split('.');
    for (let length = parts.length; length >= 0; length--) {
      const full = [...parts.slice(0, length), name].join('.');
      if (this.#types.has(full)) return full;
    }
    return name.replace(/^\./, '');
  }
}

/** Whether the value is one of a type that YAML writes in its own way; undefined for other types. */
function wellKnown(typeName: string, value: unknown): boolean | undefined {
  switch (typeName.replace('google.protobuf.', '')) {
    case 'Duration':
      return typeof value === 'string' && /^\d+(\.\d+)?s$/.test(value);
    case 'BoolValue':
      return typeof value === 'boolean';
    case 'UInt32Value':
      return Number.isInteger(value);
    case 'Struct':
      return isObject(value);
    default:
      return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
