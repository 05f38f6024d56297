/** Envoy's side of ext_proc: what there is to be played, and against whom. */
export type { Content, FaultName, Headers, Modes, Plan, Play, Received } from './plan.js';
export { playExchange } from './play.js';
export { EnvoyClient, EnvoyStream, type StreamEnd } from './stream.js';
