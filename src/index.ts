/** What embedders import. */
export * from '../machines/events.js';
export { CODES, type Code, InterlockError } from './errors.js';
export { Exchange, type ExchangeOptions } from './exchange.js';
export { start, step, table } from './step.js';
export type { Answer, Step, Table } from './table.js';
export * from './trace.js';
