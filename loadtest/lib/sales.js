// What clients do with sales, and what is measured of it.

import { check, sleep } from 'k6';
import http from 'k6/http';
import { Counter, Rate, Trend } from 'k6/metrics';
import { canAsk, processedWhere } from './aws.js';
import { baseUrl, number, peerUrl } from './env.js';

const accepted = new Counter('sales_accepted');
/** Of the sales that were followed, those not processed within FOLLOW_SECONDS. */
const lost = new Counter('sales_lost');
const followed = new Counter('sales_followed');
const processedBy = new Counter('sales_processed_by');
const endToEnd = new Trend('sale_end_to_end_seconds');
const processedAt = new Trend('sale_processed_at_ms', true);
/** Answers that were not the right ones. */
const wrong = new Rate('wrong_answers');

/** How long a followed sale may take. Beyond the age at which the other region may take a sale over (30 s). */
const FOLLOW_SECONDS = number('FOLLOW_SECONDS', 90);
/** Between two looks at a followed sale: short at first, for the latency's sake, then rarer. */
const LOOK_SECONDS = { first: 0.02, longest: 1, growth: 1.4 };

/** The names of both regions, as their apis tell them. */
export function regions() {
  const name = (url) => {
    const answer = http.get(`${url}/state`, { tags: { name: 'GET /state' } });
    if (answer.status !== 200) throw new Error(`${url}/state answers ${answer.status}: is the service up?`);
    return answer.json('region');
  };
  return { base: name(baseUrl), peer: name(peerUrl) };
}

/** A sale that nobody else posts. */
export function someSale() {
  const cents = 1 + Math.floor(Math.random() * 1000000);
  return { product: `Book ${unique()}`, amount: (cents / 100).toFixed(2) };
}

/** A text that no other iteration makes. */
export function unique() {
  return `${Date.now().toString(36)}-${__VU}-${__ITER}-${Math.floor(Math.random() * 1e9).toString(36)}`;
}

/** Posts, and gives the sale's id, or null if it was not accepted. */
export function post(url, sale, key) {
  const headers = { 'Content-Type': 'application/json' };
  if (key) headers['Idempotency-Key'] = key;
  const answer = http.post(`${url}/sales`, JSON.stringify(sale), { headers, tags: { name: 'POST /sales' } });
  const good = judge(answer, 'a sale is accepted', (a) => a.status === 201 && a.json('id') !== undefined);
  if (!good) return null;
  if (answer.headers['Idempotent-Replayed'] !== 'true') accepted.add(1);
  return answer.json('id');
}

/** Reads a sale that must be there. */
export function get(url, id) {
  const answer = http.get(`${url}/sales/${id}`, { tags: { name: 'GET /sales/{id}' } });
  judge(answer, 'a sale that was accepted is found', (a) => a.status === 200 && a.json('id') === id);
  return answer;
}

/** One key posted twice is one sale, and another payload under it is refused. */
export function postTwice(url) {
  const [sale, key] = [someSale(), unique()];
  const first = post(url, sale, key);
  const second = post(url, sale, key);
  wrong.add(!check(null, { 'one key is one sale': () => first !== null && first === second }));
  const other = http.post(`${url}/sales`, JSON.stringify(someSale()), {
    headers: { 'Content-Type': 'application/json', 'Idempotency-Key': key },
    tags: { name: 'POST /sales (key reused)' },
    responseCallback: http.expectedStatuses(422),
  });
  judge(other, 'a key for another sale is 422', (a) => a.status === 422);
  return first;
}

const BAD_BODIES = [
  '{"product":"Book"}',
  '{"product":"","amount":1}',
  '{"product":"Book","amount":-1}',
  '{"product":"Book","amount":1.234}',
  '{"product":',
];

/** What no client should send is told apart as the client's fault. */
export function postNonsense(url) {
  const body = BAD_BODIES[Math.floor(Math.random() * BAD_BODIES.length)];
  const answer = http.post(`${url}/sales`, body, {
    headers: { 'Content-Type': 'application/json' },
    tags: { name: 'POST /sales (nonsense)' },
    responseCallback: http.expectedStatuses({ min: 400, max: 499 }),
  });
  judge(answer, 'nonsense is refused with a problem', (a) => {
    const type = a.headers['Content-Type'] || '';
    return a.status >= 400 && a.status < 500 && type.startsWith('application/problem+json');
  });
}

/** Looks at a sale until it is processed, and notes how long that took and where it was done. */
export function follow(url, id, acceptedAt, names) {
  followed.add(1);
  let pause = LOOK_SECONDS.first;
  while (Date.now() - acceptedAt < FOLLOW_SECONDS * 1000) {
    const answer = http.get(`${url}/sales/${id}`, { tags: { name: 'GET /sales/{id} (follow)' } });
    if (answer.status === 200 && answer.json('processed') === true) {
      endToEnd.add((Date.now() - acceptedAt) / 1000);
      lost.add(0);
      if (canAsk && names) noteWhere(id, names);
      return;
    }
    sleep(pause);
    pause = Math.min(pause * LOOK_SECONDS.growth, LOOK_SECONDS.longest);
  }
  lost.add(1);
  console.error(`sale ${id} was accepted and is not processed after ${FOLLOW_SECONDS} s`);
}

function noteWhere(id, names) {
  const where = processedWhere(names.base, id) || processedWhere(names.peer, id);
  if (!where) return;
  const site = where.region === names.peer ? 'peer' : 'base';
  processedBy.add(1, { site, region: where.region });
  processedAt.add(where.at, { site });
}

function judge(answer, promise, holds) {
  const good = check(answer, { [promise]: holds });
  wrong.add(!good);
  return good;
}

/** Thresholds that hold in every script. A metric with a tag is in the summary only if a threshold names it. */
export const THRESHOLDS = {
  wrong_answers: ['rate<0.001'],
  sales_lost: ['count<1'],
  sales_followed: ['count>0'],
  'http_req_duration{name:POST /sales}': [`p(99)<${number('P99_MS', 500)}`],
  sale_end_to_end_seconds: [`p(99)<${number('END_TO_END_P99_SECONDS', 10)}`],
  'sales_processed_by{site:base}': ['count>=0'],
  'sales_processed_by{site:peer}': ['count>=0'],
};
