// What a run is told by the environment. Addresses of this machine are the only defaults.

const SECONDS_PER_UNIT = { s: 1, m: 60, h: 3600 };

export const baseUrl = trimmed(__ENV.BASE_URL || 'http://127.0.0.1:8080');
export const peerUrl = trimmed(__ENV.PEER_URL || 'http://127.0.0.1:8081');

/** An emulator's address, or a pattern for AWS itself with {service} and {region} in it. */
export const awsEndpoint = trimmed(__ENV.AWS_ENDPOINT_URL || '');
export const salesTable = __ENV.DYNAMO_SALES_TABLE || 'sales';
/** Name of a region's parameter. */
export const stateParameter = __ENV.STATE_PARAMETER || '/sales/{region}/state';

/** A number, of the environment or by default. */
export function number(name, byDefault) {
  const text = __ENV[name];
  if (text === undefined || text === '') return byDefault;
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0) throw new Error(`${name} is "${text}": a number is expected`);
  return value;
}

/** A duration such as 90s, in seconds. */
export function seconds(name, byDefault) {
  const text = __ENV[name] || byDefault;
  const parts = /^(\d+)([smh])$/.exec(text);
  if (!parts) throw new Error(`${name} is "${text}": a duration such as 30s, 5m or 1h is expected`);
  return Number(parts[1]) * SECONDS_PER_UNIT[parts[2]];
}

/** The credentials to sign with. An emulator, spoken to without TLS, takes any. */
export function credentials() {
  const [id, secret] = [__ENV.AWS_ACCESS_KEY_ID, __ENV.AWS_SECRET_ACCESS_KEY];
  if (id && secret) return { id, secret, token: __ENV.AWS_SESSION_TOKEN };
  if (awsEndpoint.startsWith('http://')) return { id: 'test', secret: 'test' };
  return null;
}

function trimmed(url) {
  return url.replace(/\/+$/, '');
}
