/** The gateway as `--inspect` has it, for a viewer that the bench connects: see `gateway.ts`. */
import { checkConfig } from '../../../src/adapters/http/config.js';
import { HttpGateway } from '../../../src/adapters/http/server.js';
import { startInspection } from '../../../src/observe/inspect.js';
import { ledger } from '../ledger.js';
import { serve, upstream } from './serve.js';

const { watch, url } = await startInspection({ find: () => undefined, policy: () => '' });
const config = checkConfig({ upstreams: [{ id: 'bench', url: upstream }] }, 'the bench');
const gateway = new HttpGateway({ config, ledger, watch });
await gateway.listen('127.0.0.1', 0);
serve(Number(new URL(gateway.url).port), { watched: url });
