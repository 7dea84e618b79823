// The end of a run: one JSON file, and a text of a few lines.

import { number } from './env.js';

/** A handleSummary for a script of this name. `extra` may add lines and values of its own. */
export function summary(name, extra) {
  return (data) => {
    const more = extra ? extra(data) : {};
    const failed = failedThresholds(data);
    const report = { script: name, passed: failed.length === 0, failed, ...figures(data), ...more };
    const file = __ENV.SUMMARY_JSON || `k6-${name}.json`;
    return { stdout: text(report), [file]: `${JSON.stringify(report, null, 2)}\n` };
  };
}

/** A value of a metric; null where there is none. */
export function value(data, metric, what) {
  const found = data.metrics[metric];
  const number = found && found.values[what];
  return number === undefined || !Number.isFinite(number) ? null : number;
}

function figures(data) {
  const posts = 'http_req_duration{name:POST /sales}';
  return {
    seconds: round(data.state.testRunDurationMs / 1000),
    accepted: value(data, 'sales_accepted', 'count') || 0,
    accepted_per_second: round(value(data, 'sales_accepted', 'rate') || 0),
    followed: value(data, 'sales_followed', 'count') || 0,
    lost: value(data, 'sales_lost', 'count') || 0,
    processed_by_base: value(data, 'sales_processed_by{site:base}', 'count') || 0,
    processed_by_peer: value(data, 'sales_processed_by{site:peer}', 'count') || 0,
    wrong_answers: round(value(data, 'wrong_answers', 'rate') || 0, 5),
    dropped_iterations: value(data, 'dropped_iterations', 'count') || 0,
    post_p50_ms: round(value(data, posts, 'med')),
    post_p99_ms: round(value(data, posts, 'p(99)')),
    end_to_end_p50_seconds: round(value(data, 'sale_end_to_end_seconds', 'med'), 3),
    end_to_end_p99_seconds: round(value(data, 'sale_end_to_end_seconds', 'p(99)'), 3),
  };
}

function failedThresholds(data) {
  const failed = [];
  for (const [metric, { thresholds }] of Object.entries(data.metrics)) {
    for (const [rule, { ok }] of Object.entries(thresholds || {})) {
      if (!ok) failed.push(`${metric}: ${rule}`);
    }
  }
  return failed;
}

function text(report) {
  const lines = Object.entries(report)
    .filter(([name]) => !['script', 'passed', 'failed'].includes(name))
    .map(([name, value]) => `  ${name.padEnd(26)}${value === null ? '-' : value}`);
  const verdict = report.passed ? 'passed' : `FAILED: ${report.failed.join('; ')}`;
  return `\n${report.script}: ${verdict}\n${lines.join('\n')}\n`;
}

export function round(value, digits = 1) {
  return value === null ? null : Number(value.toFixed(digits));
}

/** The statistics that the summaries need. */
export const TREND_STATS = ['min', 'med', 'avg', 'p(95)', 'p(99)', 'max'];

/** Virtual users: enough for every request that may wait, within a bound. */
export function users(ratePerSecond) {
  const most = number('MAX_VUS', Math.max(50, Math.ceil(ratePerSecond * 10)));
  return { preAllocatedVUs: Math.min(most, Math.max(10, ratePerSecond)), maxVUs: most };
}
