/** Packages that are installed only where they are wanted: what speaks Stately's protocol needs two. */
import { InterlockError } from '../errors.js';

/** Throws `INTERLOCK_BAD_CONFIG` if the package is not there; `flag` is what asks for it. */
export async function optional<T>(name: string, flag: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new InterlockError(
      'INTERLOCK_BAD_CONFIG',
      `${flag} needs the package "${name}", which is optional and not installed here; ` +
        'npm install @statelyai/inspect ws',
      { cause },
    );
  }
}
