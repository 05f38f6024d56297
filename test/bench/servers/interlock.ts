import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ledger } from '../../../src/accounting/ledger.js';
import { checkConfig } from '../../../src/adapters/ext-proc/config.js';
import { ExtProcServer } from '../../../src/adapters/ext-proc/server.js';
import { serve } from './serve.js';

const ledger = await Ledger.open(join(tmpdir(), `interlock-bench-${process.pid}.ndjson`));
const server = new ExtProcServer({ config: checkConfig({}, 'the bench'), ledger });
await server.listen('127.0.0.1:0');
serve(Number(server.address.split(':')[1]));
