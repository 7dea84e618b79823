// Ten times the usual traffic, all at once, and then the usual again: nothing accepted may be lost in it.

import { number, seconds } from './lib/env.js';
import { request, setup } from './lib/mix.js';
import { THRESHOLDS } from './lib/sales.js';
import { summary, TREND_STATS, users } from './lib/summary.js';

const usual = number('RATE', 20);
const peak = number('PEAK', usual * 10);
const [before, during] = [seconds('CALM', '20s'), seconds('DURATION', '30s')];
/** How fast the spike comes. */
const EDGE = '1s';

export const options = {
  scenarios: {
    spike: {
      executor: 'ramping-arrival-rate',
      startRate: usual,
      timeUnit: '1s',
      stages: [
        { target: usual, duration: `${before}s` },
        { target: peak, duration: EDGE },
        { target: peak, duration: `${during}s` },
        { target: usual, duration: EDGE },
        { target: usual, duration: `${before}s` },
      ],
      ...users(peak),
    },
  },
  // What waits in the queue during the spike takes longer, and is not lost for that.
  thresholds: { ...THRESHOLDS, sale_end_to_end_seconds: [`p(99)<${number('END_TO_END_P99_SECONDS', 60)}`] },
  summaryTrendStats: TREND_STATS,
};

export { setup };
export default request;
export const handleSummary = summary('spike');
