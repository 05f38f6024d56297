/** Packages that are installed only where they are wanted: `--inspect` needs two. */
import { InterlockError } from '../errors.js';

/** Throws `INTERLOCK_BAD_CONFIG` if the package is not there. */
export async function optional<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new InterlockError(
      'INTERLOCK_BAD_CONFIG',
      `--inspect needs the package "${name}", which is optional and not installed here; ` +
        'npm install @statelyai/inspect ws',
      { cause },
    );
  }
}
