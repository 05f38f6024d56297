/** The package that `npm pack` makes: what it holds, and that it works where it is installed. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'interlock-package-'));
const home = join(folder, 'home');
const MINUTES = 60_000;

/** An embedder's program, and what it prints. */
const PROGRAM = `import type { Command, TraceRecord } from 'interlock';
import { Exchange, events, InterlockError } from 'interlock';
import { exchange } from 'interlock/machines';

const trace: TraceRecord[] = [];
const live = new Exchange({ id: 'a', trace: (record) => trace.push(record) });
const commands: readonly Command[] = live.receive(events.requestHeaders);
const wrong: InterlockError | undefined = undefined;
console.log(exchange.id, commands.length > 0, trace.length, live.processed, wrong);
`;
const PRINTED = 'exchange true 1 false undefined\n';

interface Packed {
  readonly filename: string;
  readonly version: string;
  readonly files: readonly { readonly path: string }[];
}
let packed: Packed;

const npm = (args: string[], cwd: string) =>
  execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

/** Without a registry the dependencies cannot be had. Under CI that is a failure, not an excuse. */
const registry =
  spawnSync('npm', ['view', 'commander', 'version'], { timeout: 20_000 }).status === 0;
/** Without what an `npx` around this run tells its own: it would run that package again. */
const OWN_ENVIRONMENT = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith('npm_')),
);
const offline = !registry && process.env.CI !== 'true';

beforeAll(() => {
  // `prepare` builds first, and what it says on stdout stands before the JSON.
  const printed = npm(['pack', '--json', '--pack-destination', folder], root);
  [packed] = JSON.parse(printed.slice(printed.indexOf('[\n'))) as [Packed];
}, 2 * MINUTES);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the package', () => {
  it('holds the build, its sources and its papers, and nothing that only we need', () => {
    const paths = packed.files.map(({ path }) => path);
    for (const path of [
      'package.json',
      'README.md',
      'LICENSE',
      'dist/src/index.js',
      'dist/src/index.d.ts',
      'dist/machines/index.js',
      'dist/src/cli/main.js',
      'machines/exchange.ts',
      'src/exchange.ts',
    ]) {
      expect(paths).toContain(path);
    }
    const ours = /(^|\/)test\/|\.test\.|tsbuildinfo|(^|\/)\.|node_modules|usage\.ndjson|\.tgz$/;
    expect(paths.filter((path) => ours.test(path))).toEqual([]);
    const agreed = /^(dist|machines|src)\/|^(package\.json|README\.md|LICENSE|CHANGELOG\.md)$/;
    expect(paths.filter((path) => !agreed.test(path))).toEqual([]);
  });
});

describe.skipIf(offline)('installed elsewhere (skipped: no npm registry in reach)', () => {
  beforeAll(() => {
    mkdirSync(home);
    writeFileSync(join(home, 'package.json'), '{ "private": true, "type": "module" }');
    const archive = join(folder, packed.filename);
    npm(['install', '--no-audit', '--no-fund', '--prefer-offline', archive], home);
    writeFileSync(join(home, 'program.ts'), PROGRAM);
  }, 3 * MINUTES);

  it(
    'compiles in strict mode, with the declarations checked too, and runs',
    () => {
      const config = {
        compilerOptions: {
          target: 'es2023',
          module: 'nodenext',
          moduleResolution: 'nodenext',
          strict: true,
          skipLibCheck: false,
          types: ['node'],
          typeRoots: [join(root, 'node_modules', '@types')],
        },
        files: ['program.ts'],
      };
      writeFileSync(join(home, 'tsconfig.json'), JSON.stringify(config));
      const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
      const { stdout, status } = spawnSync(process.execPath, [tsc, '-p', home], {
        encoding: 'utf8',
      });
      expect(`${status} ${stdout}`).toBe('0 ');
      const run = spawnSync(process.execPath, ['program.js'], { cwd: home, encoding: 'utf8' });
      expect(`${run.stderr}${run.stdout}`).toBe(PRINTED);
    },
    MINUTES,
  );

  it(
    'brings its command along',
    () => {
      const { version } = packed;
      const printed = execFileSync('npx', ['--no-install', 'interlock', '--version'], {
        cwd: home,
        encoding: 'utf8',
        env: OWN_ENVIRONMENT,
      });
      expect(printed).toBe(`${version}\n`);
    },
    MINUTES,
  );
});
