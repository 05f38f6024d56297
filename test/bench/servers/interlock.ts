import { checkConfig } from '../../../src/adapters/ext-proc/config.js';
import { ExtProcServer } from '../../../src/adapters/ext-proc/server.js';
import { ledger } from '../ledger.js';
import { serve } from './serve.js';

const server = new ExtProcServer({ config: checkConfig({}, 'the bench'), ledger });
await server.listen('127.0.0.1:0');
serve(Number(server.address.split(':')[1]));
