export * from './events.js';
export { exchange } from './exchange.js';
export { legacy } from './legacy.js';
