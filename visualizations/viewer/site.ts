/** The viewer's files by their paths: the page, its style, and the modules that it is made of. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path/posix';
import { fileURLToPath } from 'node:url';
import { InterlockError } from '../../src/errors.js';
import { style } from '../generated/viewer.generated.js';
import { VIEWER_STYLE, viewerPage } from './page.js';

export interface File {
  readonly type: string;
  readonly body: string;
}

const MAIN = 'visualizations/viewer/page/main.js';

/**
 * What the page may do: load what lies beside it, and nothing from anywhere else. `socket` is where
 * it may hear of what is live; not every browser takes the origin of a socket for 'self'.
 */
export function policyOf(socket?: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    ["connect-src 'self'", ...(socket === undefined ? [] : [socket])].join(' '),
    'img-src data:',
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
}

/** Throws `INTERLOCK_BAD_CONFIG` where nothing is compiled, as in sources that were not built. */
export async function viewerFiles(): Promise<ReadonlyMap<string, File>> {
  const files = new Map<string, File>([
    ['', { type: 'text/html', body: viewerPage() }],
    ['style.css', { type: 'text/css', body: style + VIEWER_STYLE }],
  ]);
  const root = builtRoot();
  const wanted = [MAIN];
  for (const path of wanted) {
    const name = `modules/${path}`;
    if (files.has(name)) continue;
    const text = await readFile(join(root, path), 'utf8');
    files.set(name, { type: 'text/javascript', body: text });
    // The browser can load what is ours. A package would be named here, and there is none.
    for (const [, ours = ''] of text.matchAll(/^(?:import|export)\b[^'"\n]*['"](\.[^'"]+)['"]/gm)) {
      wanted.push(join(dirname(path), ours));
    }
  }
  return files;
}

/** From the build it is where this file is; from the sources, in what was built of them. */
function builtRoot(): string {
  const here = fileURLToPath(new URL('../../', import.meta.url));
  const found = [here, join(here, 'dist')].find((root) => existsSync(join(root, MAIN)));
  if (found !== undefined) return found;
  throw new InterlockError(
    'INTERLOCK_BAD_CONFIG',
    'the viewer runs compiled, and nothing is: run `npm run build` first',
  );
}
