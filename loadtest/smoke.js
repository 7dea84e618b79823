// A minute's look: every kind of request once a turn, each sale followed until it is processed, both apis asked.

import { check } from 'k6';
import http from 'k6/http';
import { baseUrl, number, peerUrl } from './lib/env.js';
import { follow, get, post, postNonsense, postTwice, regions, someSale, THRESHOLDS, unique } from './lib/sales.js';
import { summary, TREND_STATS } from './lib/summary.js';

export const options = {
  scenarios: {
    smoke: { executor: 'per-vu-iterations', vus: 2, iterations: number('ITERATIONS', 10), maxDuration: '3m' },
  },
  thresholds: { ...THRESHOLDS, checks: ['rate==1'] },
  summaryTrendStats: TREND_STATS,
};

export function setup() {
  return regions();
}

export default function (names) {
  for (const url of [baseUrl, peerUrl]) {
    const acceptedAt = Date.now();
    const id = post(url, someSale(), __ITER % 2 ? unique() : undefined);
    if (id === null) continue;
    get(url, id);
    follow(url, id, acceptedAt, names);
    remove(url, id);
  }
  postTwice(baseUrl);
  postNonsense(baseUrl);
}

function remove(url, id) {
  const tags = { name: 'DELETE /sales/{id}' };
  const gone = () => http.del(`${url}/sales/${id}`, null, { tags }).status;
  const look = { tags: { name: 'GET /sales/{id} (deleted)' }, responseCallback: http.expectedStatuses(404) };
  check(null, {
    'a sale is deleted, as often as one likes': () => gone() === 204 && gone() === 204,
    'a deleted sale is not found': () => http.get(`${url}/sales/${id}`, look).status === 404,
  });
}

export const handleSummary = summary('smoke');
