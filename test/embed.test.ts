/** The README's example of embedding is a program: here it runs, word for word. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it, vi } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
/** Inside the project, so that the example is compiled as our own files are. */
const folder = mkdtempSync(join(root, 'node_modules', '.interlock-embed-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The first TypeScript block under the heading. */
function exampleIn(readme: string): string {
  const [, section] = readme.split(/^## Embed it$/m);
  if (section === undefined) throw new Error('README.md has no heading "## Embed it"');
  const block = /^```ts\n([\s\S]*?)^```$/m.exec(section.split(/^## /m)[0] as string)?.[1];
  if (block === undefined) throw new Error('README.md has no ```ts block under "## Embed it"');
  return block;
}

describe('the example of embedding in the README', () => {
  const example = exampleIn(readFileSync(join(root, 'README.md'), 'utf8'));

  it('is about twenty lines, and imports the library by its name', () => {
    expect(example).toMatch(/from 'interlock'/);
    expect(example.trim().split('\n').length).toBeLessThanOrEqual(30);
  });

  it('runs, and prints what it says that it prints', async () => {
    const file = join(folder, 'example.ts');
    const index = join(root, 'src', 'index.ts');
    writeFileSync(file, example.replaceAll("'interlock'", JSON.stringify(index)));
    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    await import(file);
    const printed = log.mock.calls.map((words) => words.join(' '));
    log.mockRestore();
    const promised = [...example.matchAll(/^.*console\.log\(.*\/\/ (.*)$/gm)].map(
      ([, text]) => text,
    );
    expect(promised.length).toBeGreaterThan(0);
    expect(printed.slice(-promised.length)).toEqual(promised);
  });
});
