/** Live exchanges as `--inspect` serves them, for a test: the page that was compiled for it, and its port. */
import { join } from 'node:path';
import type { Inspection, InspectionOptions } from '../src/observe/inspect.js';
import { startInspection } from '../src/observe/inspect.js';

type Site = typeof import('../visualizations/viewer/site.js');

/** `built` is a folder that `compiled` gave. */
export async function startWatching(
  built: string,
  options: Partial<InspectionOptions> = {},
): Promise<Inspection> {
  const { policyOf, viewerFiles } = (await import(
    join(built, 'visualizations/viewer/site.js')
  )) as Site;
  const files = await viewerFiles();
  return await startInspection({
    find: (path) => files.get(path),
    policy: (host) => policyOf(`ws://${host}`),
    ...options,
  });
}
