/** The machine and all that is said of it, for whoever proves, draws or embeds it. */
export * from './environments.js';
export * from './events.js';
export { exchange } from './exchange.js';
export { legacy } from './legacy.js';
export * from './properties.js';
