/** What came of an exchange that was played, in either world, and what must be so of every one. */
import type { UsageRecord } from '../../accounting/ledger.js';
import type { Wrong } from './judge.js';
import type { Plan } from './plan.js';

export interface Played {
  /** What the ledger was given. */
  readonly records: readonly UsageRecord[];
  /** What was wrong with what its peers were told, as they saw it. */
  readonly wrongs: readonly Wrong[];
  /** How often the exchange's buffer was released, and its owner told so. */
  readonly released: number;
  /** Deadlines that ran when it let go of all; exchanges that are counted as load in the end. */
  readonly timers: number;
  readonly inFlight: number;
  /** Whether the clock has come to an end of what there is to do. */
  readonly ended: boolean;
  /** The peers were told the whole response, with its end. */
  readonly whole: boolean;
  /** It was open long after its stream was closed. */
  readonly overdue?: boolean;
  /** The status of an answer that the handler gave in place of the response. */
  readonly failedWith?: number | undefined;
}

const wrong = (name: string, sentence: string): Wrong => ({ name, sentence });

/** What the trace of an exchange says of it. */
export interface Told {
  /** How many records it ordered. */
  readonly ordered: number;
  readonly processed: boolean;
}

/** The first thing that is wrong with it, if anything is. */
export function wrongOf(plan: Plan, played: Played, told: Told): Wrong | undefined {
  const { records, wrongs } = played;
  if (!played.ended) return wrong('neverEnds', 'The exchange has happenings without an end.');
  if (wrongs[0] !== undefined) return wrongs[0];
  if (played.overdue === true) {
    // fault: F39 - a stream that is gone is noticed at once, and not when a deadline comes
    return wrong('endsWithItsStream', 'It was open long after its stream was closed.');
  }
  if (records.length !== Math.min(told.ordered, 1)) {
    const sentence = `The ledger was given ${records.length} records for ${told.ordered} orders.`;
    return wrong('oneRecord', sentence);
  }
  if (!told.processed) return wrong('isProcessed', 'The exchange is not processed in the end.');
  if (played.released !== 1) {
    return wrong('isReleased', `What it held was released ${played.released} times, and not once.`);
  }
  if (played.timers > 0) return wrong('noTimerIsLeft', 'A deadline runs though all is over.');
  if (played.inFlight !== 0) {
    return wrong('noLoadIsLeft', `Its upstream counts ${played.inFlight} exchanges in flight.`);
  }
  return records[0] === undefined ? undefined : usageWrong(plan, records[0], played.whole);
}

/**
 * The usage must be the script's if it is `final` and no byte of the body was lost or doubled.
 * Where nothing disturbed the exchange, it must be `final`, and the response whole.
 */
function usageWrong(plan: Plan, { outcome, usage }: UsageRecord, whole: boolean) {
  const { counts, calm, altered, world, modes } = plan;
  if (usage.kind === 'final' && !altered) {
    if (usage.inputTokens !== counts.inputTokens || usage.outputTokens !== counts.outputTokens) {
      const said = `${counts.inputTokens} and ${counts.outputTokens}`;
      const found = `${usage.inputTokens} and ${usage.outputTokens}`;
      return wrong('usageIsRight', `The upstream said ${said} tokens; recorded are ${found}.`);
    }
  }
  // In this mode Envoy shows no body, nor that it has ended.
  if (!calm || (world === 'ext-proc' && modes.response === 'NONE')) return undefined;
  if (outcome !== 'completed') {
    return wrong('calmCompletes', `Nothing disturbed it, and its outcome is ${outcome}.`);
  }
  if (usage.kind !== 'final') {
    return wrong('calmIsBilled', `Nothing disturbed it, and its usage is ${usage.kind}.`);
  }
  if (!whole) return wrong('calmIsWhole', 'Nothing disturbed it, and the response is not whole.');
  return undefined;
}
