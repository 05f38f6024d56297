/**
 * What people write for us, such as a configuration or a mapping: YAML, held against a schema. What
 * is wrong with it is told in sentences: the key, what was found there, and what is accepted.
 */
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { InterlockError, quoted } from './errors.js';
import { acceptedFor } from './spelling.js';

/** Reads a text of YAML. `place` names it in errors. Throws `INTERLOCK_BAD_CONFIG` naming the line. */
export function yamlIn(text: string, place: string): unknown {
  const document = parseDocument(text);
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0) {
    throw badDocument(
      place,
      faults.map(({ message }) => message.trimEnd()),
    );
  }
  try {
    // A few lines of aliases of aliases would else unfold to any size.
    return document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    throw badDocument(place, [(cause as Error).message]);
  }
}

/** The value as the schema has it. `place` names it in errors. Throws `INTERLOCK_BAD_CONFIG`. */
export function checked<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  place: string,
): z.output<Schema> {
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  const faults = result.error.issues.flatMap((issue) => explain(schema, issue));
  // A number may break two rules for one reason.
  throw badDocument(place, [...new Set(faults)]);
}

export function badDocument(place: string, faults: readonly string[]): InterlockError {
  return new InterlockError('INTERLOCK_BAD_CONFIG', `${place}: ${faults.join('\n  ')}`);
}

type Path = readonly PropertyKey[];
type Issue = z.core.$ZodIssue;

function explain(whole: z.ZodType, issue: Issue, above: Path = []): string[] {
  const path = [...above, ...issue.path];
  const schemas = schemasAt(whole, path);
  if (issue.code === 'unrecognized_keys') {
    const known = schemas.flatMap(keysOf);
    return issue.keys.map(
      (key) => `${textOf([...path, key])}: no such key; ${acceptedFor(key, known)}`,
    );
  }
  if (issue.code === 'invalid_union') {
    // Of the choices that the value is one of by its type, if there is one, that one's word counts.
    const meant = issue.errors.filter((issues) => !issues.some(isOfAnotherType));
    const [only, other] = meant;
    if (only !== undefined && other === undefined) {
      return only.flatMap((inner) => explain(whole, inner, path));
    }
  }
  const { input: found } = issue;
  return [`${textOf(path)}: found ${quoted(found)}; ${acceptedOf(issue, schemas, found)}`];
}

function isOfAnotherType(issue: Issue): boolean {
  if (issue.path.length > 0) return false;
  if (issue.code !== 'invalid_union') return ['invalid_type', 'invalid_value'].includes(issue.code);
  return issue.errors.every((issues) => issues.some(isOfAnotherType));
}

/** What the schema says itself of what is accepted, or else what can be read from it. */
function acceptedOf({ code, message }: Issue, schemas: readonly Schema[], found: unknown): string {
  if (code === 'custom' || message.startsWith('accepted: ')) return message;
  const [only] = schemas;
  if (schemas.length === 1 && only instanceof z.ZodEnum && typeof found === 'string') {
    return acceptedFor(found, only.options.map(String));
  }
  return `accepted: ${schemas.map(kindOf).join(', or ')}`;
}

/** A place in the document, as a person would write it; the document itself has no name. */
function textOf(path: Path): string {
  const text = path.reduce<string>(
    (before, part) =>
      typeof part === 'number' ? `${before}[${part}]` : `${before}.${String(part)}`,
    '',
  );
  return text === '' ? 'the file' : text.replace(/^\./, '');
}

type Schema = z.core.$ZodType;

/** The schemas of what stands at a path; more than one where there is a choice. */
function schemasAt(whole: Schema, path: Path): Schema[] {
  return path.reduce<Schema[]>(
    (schemas, part) => schemas.flatMap((schema) => choicesOf(inside(schema, part))),
    choicesOf(whole),
  );
}

function inside(schema: Schema, part: PropertyKey): Schema | undefined {
  if (schema instanceof z.ZodObject) return schema.shape[part as string];
  if (schema instanceof z.ZodArray) return schema.element;
  return schema instanceof z.ZodRecord ? schema.valueType : undefined;
}

/** The schemas behind defaults, transformations and unions. */
function choicesOf(schema: Schema | undefined): Schema[] {
  if (schema === undefined) return [];
  if (schema instanceof z.ZodUnion) return schema.options.flatMap(choicesOf);
  if (schema instanceof z.ZodPipe) return choicesOf(schema.in);
  const wrapped =
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault;
  return wrapped ? choicesOf(schema.unwrap()) : [schema];
}

function keysOf(schema: Schema): string[] {
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

function kindOf(schema: Schema): string {
  if (schema instanceof z.ZodEnum) return schema.options.join(', ');
  if (schema instanceof z.ZodLiteral) return [...schema.values].map(String).join(', ');
  if (schema instanceof z.ZodBoolean) return 'true or false';
  if (schema instanceof z.ZodNumber) return numberOf(schema);
  if (schema instanceof z.ZodArray) return 'a list that is not empty';
  if (schema instanceof z.ZodObject) return `the keys ${keysOf(schema).join(', ')}`;
  if (schema instanceof z.ZodRecord) return 'names with their values';
  const { minLength, maxLength } = schema as z.ZodString;
  if (maxLength !== null) return `a text of ${minLength ?? 0} to ${maxLength} characters`;
  return minLength === null ? 'a text' : 'a text that is not empty';
}

function numberOf({ isInt, minValue, maxValue }: z.ZodNumber): string {
  const least = Number.isFinite(minValue) ? ` from ${minValue}` : '';
  const most = Number.isFinite(maxValue) ? ` to ${maxValue}` : '';
  return `${isInt ? 'a whole number' : 'a number'}${least}${most}`;
}
