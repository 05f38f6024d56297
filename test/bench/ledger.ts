/** The usage records of a server under test: written to a file as ever, and gone with the process. */
import { unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ledger } from '../../src/accounting/ledger.js';

const path = join(tmpdir(), `interlock-bench-${process.pid}.ndjson`);

export const ledger = await Ledger.open(path);
unlinkSync(path);
