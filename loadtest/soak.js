// The same traffic for a long time, for what grows slowly: memory, connections, the outbox.

import { number, seconds } from './lib/env.js';
import { request, setup } from './lib/mix.js';
import { THRESHOLDS } from './lib/sales.js';
import { summary, TREND_STATS, users } from './lib/summary.js';

const rate = number('RATE', 50);

export const options = {
  scenarios: {
    soak: {
      executor: 'constant-arrival-rate',
      rate,
      timeUnit: '1s',
      duration: `${seconds('DURATION', '2h')}s`,
      ...users(rate),
    },
  },
  thresholds: THRESHOLDS,
  summaryTrendStats: TREND_STATS,
};

export { setup };
export default request;
export const handleSummary = summary('soak');
