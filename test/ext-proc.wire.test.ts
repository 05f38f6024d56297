/** The wire, against Envoy's own files: every field that both know has one number, type and place. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { loadSync } from '@grpc/proto-loader';
import { describe, expect, it } from 'vitest';
import { protoFile, SERVICE_NAME } from '../src/adapters/ext-proc/wire.js';

/** Descriptors, as the loader gives them. */
interface Field {
  readonly name: string;
  readonly number: number;
  readonly type: string;
  readonly typeName: string;
  readonly label: string;
}
interface EnumType {
  readonly name: string;
  readonly value: readonly { readonly name: string; readonly number: number }[];
}
interface MessageType {
  readonly name: string;
  readonly field: readonly Field[];
  readonly nestedType: readonly MessageType[];
  readonly enumType: readonly EnumType[];
}
interface Loaded {
  readonly format?: string;
  readonly type?: MessageType | EnumType;
}
type Message = Map<string, Field>;

const deps = join(
  dirname(createRequire(import.meta.url).resolve('@grpc/grpc-js-xds')),
  '../../deps',
);
const folders = ['envoy-api', 'xds', 'googleapis', 'protoc-gen-validate'].map((name) =>
  join(deps, name),
);

/** Every message and enum of a file and what it imports, by its simple name. */
function typesOf(file: string, includeDirs: readonly string[]) {
  const messages = new Map<string, Message>();
  const enums = new Map<string, Map<string, number>>();
  const learnEnum = ({ name, value }: EnumType) => {
    enums.set(name, new Map(value.map((item) => [item.name, item.number])));
  };
  const learn = ({ name, field, nestedType, enumType }: MessageType): void => {
    const simple = (typeName: string) => typeName.split('.').pop() as string;
    const fields = field.map((item) => ({ ...item, typeName: simple(item.typeName) }));
    messages.set(name, new Map(fields.map((item) => [item.name, item])));
    nestedType.forEach(learn);
    enumType.forEach(learnEnum);
  };
  const loaded = loadSync(file, { includeDirs: [...includeDirs], keepCase: true });
  for (const { format, type } of Object.values(loaded) as Loaded[]) {
    if (format?.includes('Enum')) learnEnum(type as EnumType);
    else if (format !== undefined) learn(type as MessageType);
  }
  return { messages, enums };
}

/** How a type is written: an enum is a varint, as the numbers are. */
const KINDS: Readonly<Record<string, string>> = {
  TYPE_ENUM: 'varint',
  TYPE_BOOL: 'varint',
  TYPE_INT32: 'varint',
  TYPE_UINT32: 'varint',
  TYPE_INT64: 'varint',
};
const wireTypeOf = ({ type }: Field) => KINDS[type] ?? type;

const ours = typesOf(protoFile, []);
const theirs = typesOf('envoy/service/ext_proc/v3/external_processor.proto', folders);
/** What Envoy calls otherwise, or has only in versions that are newer than the files at hand. */
const NEWER: Readonly<Record<string, readonly string[]>> = {
  ProcessingRequest: ['observability_mode', 'protocol_config'],
  HttpBody: ['end_of_stream_without_message', 'grpc_message_compressed'],
  BodyMutation: ['streamed_response'],
  HeaderValueOption: [],
};

describe("our file's wire", () => {
  it('is there with the sources', () => {
    expect(existsSync(protoFile)).toBe(true);
    expect(Object.keys(loadSync(protoFile))).toContain(SERVICE_NAME);
  });

  const shared = [...ours.messages.keys()].filter((name) => theirs.messages.has(name));

  it('shares all messages with Envoy but what is newer, or well known', () => {
    const alone = [...ours.messages.keys()].filter((name) => !shared.includes(name));
    expect(alone).toEqual(['ProtocolConfiguration', 'StreamedBodyResponse']);
  });

  it.each(shared)('has for %s the numbers and types of Envoy', (name) => {
    const known = theirs.messages.get(name)!;
    for (const [field, mine] of ours.messages.get(name)!) {
      const envoys = known.get(field);
      if (envoys === undefined) {
        expect(NEWER[name], `${name}.${field}`).toContain(field);
        continue;
      }
      const { number, label } = mine;
      expect({ number, label, wire: wireTypeOf(mine) }, `${name}.${field}`).toEqual({
        number: envoys.number,
        label: envoys.label,
        wire: wireTypeOf(envoys),
      });
      if (mine.type === 'TYPE_MESSAGE') expect(mine.typeName).toBe(envoys.typeName);
    }
  });

  it('has for every enum the numbers of Envoy', () => {
    for (const [name, values] of ours.enums) {
      const known = theirs.enums.get(name);
      expect(known, name).toBeDefined();
      for (const [value, number] of values) {
        const newer = name === 'BodySendMode' && ['FULL_DUPLEX_STREAMED', 'GRPC'].includes(value);
        if (!newer || known!.has(value)) expect(known!.get(value), `${name}.${value}`).toBe(number);
      }
    }
  });

  it('numbers what is newer than the files at hand as Envoy does', () => {
    const numbers = (name: string) =>
      Object.fromEntries(
        [...ours.messages.get(name)!.values()].map((item) => [item.name, item.number]),
      );
    expect(numbers('ProtocolConfiguration')).toEqual({
      request_body_mode: 1,
      response_body_mode: 2,
      send_body_without_waiting_for_header_response: 3,
    });
    const body = {
      body: 1,
      end_of_stream: 2,
      end_of_stream_without_message: 3,
      grpc_message_compressed: 4,
    };
    expect(numbers('StreamedBodyResponse')).toEqual(body);
    expect(numbers('HttpBody')).toEqual(body);
    expect(numbers('BodyMutation')).toMatchObject({ streamed_response: 3 });
    expect(numbers('ProcessingRequest')).toMatchObject({
      observability_mode: 10,
      protocol_config: 11,
    });
    expect(Object.fromEntries(ours.enums.get('BodySendMode')!)).toEqual({
      NONE: 0,
      STREAMED: 1,
      BUFFERED: 2,
      BUFFERED_PARTIAL: 3,
      FULL_DUPLEX_STREAMED: 4,
      GRPC: 5,
    });
  });
});
