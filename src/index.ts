/** What embedders import. */
export * from '../machines/events.js';
export {
  type Adapter,
  type Answered,
  type Divergence,
  type RunOptions,
  runSuite,
  type Session,
  type SuiteResult,
} from './check/suites/run.js';
export { type Suite, type SuiteOptions, suiteOf } from './check/suites/suite.js';
export { readSuite } from './check/suites/write.js';
export { CODES, type Code, InterlockError } from './errors.js';
export { Exchange, type ExchangeOptions } from './exchange.js';
export { start, step, table } from './step.js';
export type { Answer, Step, Table } from './table.js';
export * from './trace.js';
