// Constant traffic through a change of the active region, which the script makes itself: it signs the PutParameter.
// Every sale is followed. FAILOVER=1 touches only the region that becomes ACTIVE, as when the other one is lost.

import http from 'k6/http';
import { Gauge } from 'k6/metrics';
import { canAsk, putState } from './lib/aws.js';
import { baseUrl, number, peerUrl, seconds } from './lib/env.js';
import { follow, post, regions, someSale, THRESHOLDS } from './lib/sales.js';
import { round, summary, TREND_STATS, users, value } from './lib/summary.js';

if (!canAsk) throw new Error('failover.js needs AWS_ENDPOINT_URL, and credentials unless that is an emulator');

const flippedAt = new Gauge('flipped_at_ms');
const duration = seconds('DURATION', '2m');
const rate = number('RATE', 20);
/** Clients look up which region takes sales as often as a short-lived DNS record would have them. */
const LOOK_UP_MS = 1000;

export const options = {
  scenarios: {
    clients: {
      executor: 'constant-arrival-rate',
      rate,
      timeUnit: '1s',
      duration: `${duration}s`,
      ...users(rate * 2),
    },
    operator: {
      executor: 'per-vu-iterations',
      vus: 1,
      iterations: 1,
      startTime: `${Math.floor(duration / 2)}s`,
      exec: 'flip',
    },
  },
  thresholds: {
    ...THRESHOLDS,
    // The state's TTL, one poll, and at worst the age from which the other region may take a sale over.
    sale_end_to_end_seconds: [`p(99)<${number('END_TO_END_P99_SECONDS', 60)}`],
    'sales_processed_by{site:base}': ['count>0'],
    'sales_processed_by{site:peer}': ['count>0'],
    'sale_processed_at_ms{site:base}': ['min>=0'],
    'sale_processed_at_ms{site:peer}': ['min>=0'],
  },
  summaryTrendStats: TREND_STATS,
};

/** Which region is active now decides which one it is flipped to. */
export function setup() {
  const names = regions();
  return { ...names, to: isActive(baseUrl) ? 'peer' : 'base' };
}

let [target, lookedAt] = [baseUrl, 0];

export default function (names) {
  if (Date.now() - lookedAt > LOOK_UP_MS) {
    target = isActive(target) ? target : [baseUrl, peerUrl].find(isActive) || target;
    lookedAt = Date.now();
  }
  const acceptedAt = Date.now();
  const id = post(target, someSale());
  if (id !== null) follow(target, id, acceptedAt, names);
}

export function flip(names) {
  const [to, from] = names.to === 'peer' ? [names.peer, names.base] : [names.base, names.peer];
  flippedAt.add(Date.now(), { to: names.to });
  putState(to, 'ACTIVE');
  if (__ENV.FAILOVER !== '1') putState(from, 'PASSIVE');
  console.log(`${to} is ACTIVE now`);
}

function isActive(url) {
  const answer = http.get(`${url}/state`, { tags: { name: 'GET /state' } });
  return answer.status === 200 && answer.json('state') === 'ACTIVE';
}

/** The new region's first sale comes after the old one's first, so the later of the two tells when it began. */
export const handleSummary = summary('failover', (data) => {
  const first = (site) => value(data, `sale_processed_at_ms{site:${site}}`, 'min');
  const [flip, base, peer] = [value(data, 'flipped_at_ms', 'value'), first('base'), first('peer')];
  const known = flip && base && peer;
  return { rto_seconds: known ? round((Math.max(base, peer) - flip) / 1000, 3) : null };
});
