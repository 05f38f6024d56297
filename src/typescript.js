// Lets Node run the project's TypeScript scripts through ts-node: `node --import ./src/typescript.js FILE`.
// `ts-node --esm` fails on Node 20 (TypeStrong/ts-node issue 1997); registering its loader does not.
import { register } from 'node:module';

register('ts-node/esm', import.meta.url);
