/** The house rules, kept by reading the sources: who imports whom, how long, where, and no more. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const NOT_OURS = ['node_modules', 'dist', '.git'];

/** What git lists; without git, what is there. */
function files(...which: ('--cached' | '--others')[]): string[] {
  if (!existsSync(`${root}.git`)) return walk('');
  const git = ['ls-files', '--exclude-standard', '-z', ...which];
  const listed = execFileSync('git', git, { cwd: root, encoding: 'utf8' }).split('\0');
  return listed.filter((file) => file !== '' && existsSync(root + file));
}

function walk(folder: string): string[] {
  return readdirSync(root + folder).flatMap((name) => {
    if (NOT_OURS.includes(name)) return [];
    const path = posix.join(folder, name);
    return statSync(root + path).isDirectory() ? walk(path) : [path];
  });
}

const tracked = files('--cached');
const textOf = (file: string) => readFileSync(root + file, 'utf8');
const sources = files('--cached', '--others').filter((file) =>
  /^(machines|src|visualizations)\/.*\.[tj]s$/.test(file),
);
const isGenerated = (file: string) => /\.generated\.ts$|\/generated\//.test(file);

/** What a file imports: ours as paths from the root, others by their names. */
function importsOf(file: string): string[] {
  const found = textOf(file).matchAll(/(?:\bfrom|\bimport)\s*\(?\s*['"]([^'"]+)['"]/g);
  return [...found].map(([, name = '']) =>
    name.startsWith('.') ? posix.join(posix.dirname(file), name).replace(/\.js$/, '.ts') : name,
  );
}

const CORE = [
  'machines/',
  'src/errors.ts',
  'src/names.ts',
  'src/roster.ts',
  'src/spelling.ts',
  'src/table.ts',
  'src/step.ts',
  'src/trace.ts',
];

/** What of ours each part may import. The first line that fits a file is its rule. */
const MAY: readonly (readonly [string, readonly string[]])[] = [
  ['machines/', ['machines/']],
  ['src/errors.ts', []],
  ['src/names.ts', []],
  ['src/roster.ts', []],
  ['src/spelling.ts', []],
  ['src/typescript.js', []],
  ['src/table.ts', ['machines/']],
  ...['exchange', 'legacy', 'upstream', 'audit'].map(
    (machine) => [`src/${machine}.generated.ts`, ['src/table.ts']] as const,
  ),
  ['src/step.ts', ['machines/', 'src/table.ts', 'src/exchange.generated.ts']],
  ['src/documents.ts', ['src/errors.ts', 'src/spelling.ts']],
  ['src/trace.ts', ['machines/', 'src/errors.ts', 'src/spelling.ts']],
  ['src/compile.ts', ['machines/', 'src/names.ts', 'src/table.ts']],
  ['src/generate.ts', ['machines/', 'src/compile.ts', 'src/table.ts']],
  ['src/exchange.ts', CORE],
  ['src/index.ts', [...CORE, 'src/exchange.ts', 'src/accounting/', 'src/adapters/', 'src/check/']],
  ['src/accounting/', ['machines/', 'src/errors.ts', 'src/roster.ts', 'src/accounting/']],
  ['src/observe/', [...CORE, 'src/accounting/', 'src/observe/']],
  [
    'src/adapters/',
    [
      ...CORE,
      'src/documents.ts',
      'src/exchange.ts',
      'src/legacy.generated.ts',
      'src/upstream.generated.ts',
      'src/audit.generated.ts',
      'src/accounting/',
      'src/observe/',
      'src/adapters/',
    ],
  ],
  // The adapters' code without their servers: what plays an exchange does no I/O.
  [
    'src/check/simulate/',
    [
      ...CORE,
      'src/exchange.ts',
      'src/legacy.generated.ts',
      'src/accounting/',
      'src/adapters/bill.ts',
      'src/adapters/conductor.ts',
      'src/adapters/deadlines.ts',
      'src/adapters/routes.ts',
      'src/adapters/ext-proc/codec.ts',
      'src/adapters/ext-proc/config.ts',
      'src/adapters/ext-proc/conversation.ts',
      'src/adapters/ext-proc/legacy-handler.ts',
      'src/adapters/ext-proc/processing.ts',
      'src/adapters/ext-proc/shared.ts',
      'src/adapters/ext-proc/wire.ts',
      'src/upstream/random.ts',
      'src/check/',
    ],
  ],
  ['src/check/', [...CORE, 'src/compile.ts', 'src/documents.ts', 'src/check/']],
  // A black box: the vocabulary, and peers to put at both ends of somebody else's gateway.
  [
    'src/conformance/',
    ['machines/', 'src/errors.ts', 'src/trace.ts', 'src/upstream/', 'src/conformance/'],
  ],
  ['src/upstream/', ['src/upstream/']],
  // The other end of an ext_proc stream, as Envoy would be: it shares the wire and nothing else.
  ['src/envoy/', ['src/adapters/ext-proc/wire.ts', 'src/envoy/']],
  // It plays Envoy to both servers, so it knows both ends.
  [
    'src/demo/',
    [...CORE, 'src/accounting/', 'src/adapters/', 'src/envoy/', 'src/upstream/', 'src/demo/'],
  ],
  ['src/cli/', ['machines/', 'src/', 'visualizations/']],
  // The page plays the gateway of the bug too; its files run in a browser. Of what it is told by a
  // server it knows the type.
  [
    'visualizations/viewer/page/',
    [
      ...CORE,
      'src/legacy.generated.ts',
      'src/check/walks.ts',
      'src/observe/rows.ts',
      'visualizations/',
    ],
  ],
  ['visualizations/', [...CORE, 'src/compile.ts', 'src/check/', 'visualizations/']],
];
const fits = (file: string) => (prefix: string) =>
  prefix.endsWith('/') ? file.startsWith(prefix) : file === prefix;

describe('imports', () => {
  it('of ours point down only', () => {
    const wrong = sources.flatMap((file) => {
      const [, may] = MAY.find(([part]) => fits(file)(part)) ?? [file, []];
      const ours = importsOf(file).filter((name) => name.includes('/') && existsSync(root + name));
      return ours.filter((name) => !may.some(fits(name))).map((name) => `${file} imports ${name}`);
    });
    expect(wrong).toEqual([]);
  });

  it('of ours lead somewhere', () => {
    const lost = sources.flatMap((file) =>
      importsOf(file)
        .filter((name) => /^(machines|src|test|visualizations)\//.test(name))
        .filter((name) => !existsSync(root + name))
        .map((name) => `${file} imports ${name}`),
    );
    expect(lost).toEqual([]);
  });

  it('of machines are xstate and machines: no I/O, no clock, no chance', () => {
    const outside = sources
      .filter((file) => file.startsWith('machines/'))
      .flatMap((file) => importsOf(file).map((name) => `${file} imports ${name}`))
      .filter((line) => !/ imports (xstate$|machines\/)/.test(line));
    expect(outside).toEqual([]);
    for (const file of sources.filter((name) => name.startsWith('machines/'))) {
      expect(textOf(file), file).not.toMatch(
        /\b(Date|Math\.random|performance|process|setTimeout)\b/,
      );
    }
  });

  it('of xstate stand in machines, the compiler, the inspector and the pictures alone', () => {
    const users = sources
      .filter((file) => importsOf(file).some((name) => /^@?xstate\b/.test(name)))
      .filter(
        (file) => !/^(machines|visualizations)\/|^src\/(compile\.ts$|observe\/inspect)/.test(file),
      );
    expect(users).toEqual([]);
  });
});

describe('a source file', () => {
  it('has fewer than 300 lines', () => {
    const long = sources
      .filter((file) => !isGenerated(file))
      .map((file) => [file, textOf(file).split('\n').length - 1] as const)
      .filter(([, lines]) => lines >= 300);
    expect(long).toEqual([]);
  });

  it('is not kept in a drawer', () => {
    const drawers = tracked.filter((file) =>
      /(^|\/)(utils?|helpers?|lib|types|misc)(\/|\.ts$)/.test(file),
    );
    expect(drawers).toEqual([]);
  });
});

describe('the top level', () => {
  it('has the agreed names only', () => {
    const names = [...new Set(tracked.map((file) => file.split('/')[0] as string))];
    const agreed =
      /^(package(-lock)?\.json|tsconfig(\.\w+)?\.json|machines|src|test|visualizations|README\.md|\.ci|\.gitignore|LICENSE|CHANGELOG\.md|CONTRIBUTING\.md|biome\.json|vitest\.config\.ts)$/;
    expect(names.filter((name) => !agreed.test(name))).toEqual([]);
  });

  it("and all below it name nobody's home", () => {
    const homes = [root.replace(/\/$/, ''), homedir()].filter((path) => path.split('/').length > 2);
    const leaks = tracked.filter((file) => {
      const text = textOf(file);
      return /\/(?:home|Users)\/\w+\//.test(text) || homes.some((home) => text.includes(home));
    });
    expect(leaks).toEqual([]);
  });
});
