// The mix of requests of load.js, soak.js and spike.js.

import { follow, get, post, postNonsense, postTwice, regions, someSale, unique } from './sales.js';
import { baseUrl, number } from './env.js';

/** One sale in so many is followed until it is processed. */
const FOLLOW_ONE_IN = number('FOLLOW_ONE_IN', 10);
/** Shares of the requests, in percent; what is left posts a sale without a key. */
const SHARE = { keyed: 25, read: 20, repeated: 5, nonsense: 5 };

export function setup() {
  return regions();
}

/** One iteration. */
export function request(names) {
  const dice = Math.random() * 100;
  if (dice < SHARE.nonsense) return postNonsense(baseUrl);
  if (dice < SHARE.nonsense + SHARE.repeated) return postTwice(baseUrl);
  const keyed = dice < SHARE.nonsense + SHARE.repeated + SHARE.keyed;
  const acceptedAt = Date.now();
  const id = post(baseUrl, someSale(), keyed ? unique() : undefined);
  if (id === null) return;
  if (Math.random() * FOLLOW_ONE_IN < 1) follow(baseUrl, id, acceptedAt, names);
  else if (dice >= 100 - SHARE.read) get(baseUrl, id);
}
