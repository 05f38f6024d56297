import { checkConfig } from '../../../src/adapters/http/config.js';
import { HttpGateway } from '../../../src/adapters/http/server.js';
import { ledger } from '../ledger.js';
import { serve, upstream } from './serve.js';

const config = checkConfig({ upstreams: [{ id: 'bench', url: upstream }] }, 'the bench');
const gateway = new HttpGateway({ config, ledger });
await gateway.listen('127.0.0.1', 0);
serve(Number(new URL(gateway.url).port));
