// Ordinary traffic: a ramp, then a constant arrival rate.

import { number, seconds } from './lib/env.js';
import { request, setup } from './lib/mix.js';
import { THRESHOLDS } from './lib/sales.js';
import { summary, TREND_STATS, users } from './lib/summary.js';

const rate = number('RATE', 100);
const [ramp, duration] = [seconds('RAMP', '30s'), seconds('DURATION', '5m')];

export const options = {
  scenarios: {
    ramp: {
      executor: 'ramping-arrival-rate',
      startRate: 1,
      timeUnit: '1s',
      stages: [{ target: rate, duration: `${ramp}s` }],
      ...users(rate),
    },
    steady: {
      executor: 'constant-arrival-rate',
      startTime: `${ramp}s`,
      rate,
      timeUnit: '1s',
      duration: `${duration}s`,
      ...users(rate),
    },
  },
  thresholds: { ...THRESHOLDS, dropped_iterations: ['count<1'] },
  summaryTrendStats: TREND_STATS,
};

export { setup };
export default request;
export const handleSummary = summary('load');
