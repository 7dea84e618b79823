// The few AWS calls that a script makes itself, signed with Signature Version 4:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html

import crypto from 'k6/crypto';
import http from 'k6/http';
import { awsEndpoint, credentials, salesTable, stateParameter } from './env.js';

/** Whether there is an AWS to ask, and something to sign with. */
export const canAsk = awsEndpoint !== '' && credentials() !== null;

/** Sets a region's state. */
export function putState(region, state) {
  const name = stateParameter.replace('{region}', region);
  const body = { Name: name, Value: state, Type: 'String', Overwrite: true };
  const answer = call('ssm', region, 'AmazonSSM.PutParameter', 'application/x-amz-json-1.1', body);
  if (answer.status !== 200) throw new Error(`PutParameter ${name} in ${region}: ${answer.status} ${answer.body}`);
}

/** Where and when a sale was processed, or null. */
export function processedWhere(region, id) {
  const body = {
    TableName: salesTable,
    Key: { id: { S: id } },
    ProjectionExpression: 'processed_region, processed_at',
  };
  const answer = call('dynamodb', region, 'DynamoDB_20120810.GetItem', 'application/x-amz-json-1.0', body);
  const item = answer.status === 200 ? answer.json('Item') : null;
  if (!item || !item.processed_region) return null;
  return { region: item.processed_region.S, at: Date.parse(item.processed_at.S) };
}

function call(service, region, target, contentType, json) {
  const url = `${awsEndpoint.replace('{service}', service).replace('{region}', region)}/`;
  const body = JSON.stringify(json);
  const headers = signed({ service, region, host: hostOf(url), target, contentType, body });
  return http.post(url, body, { headers, tags: { name: `aws ${target.split('.').pop()}`, aws: 'true' } });
}

function signed({ service, region, host, target, contentType, body }) {
  const keys = credentials();
  const time = new Date().toISOString().replace(/\.\d+|[-:]/g, '');
  const day = time.slice(0, 8);
  const headers = { 'content-type': contentType, host, 'x-amz-date': time, 'x-amz-target': target };
  if (keys.token) headers['x-amz-security-token'] = keys.token;

  const names = Object.keys(headers).sort();
  const list = names.join(';');
  const lines = names.map((name) => `${name}:${headers[name]}\n`).join('');
  const request = ['POST', '/', '', lines, list, crypto.sha256(body, 'hex')].join('\n');
  const scope = `${day}/${region}/${service}/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', time, scope, crypto.sha256(request, 'hex')].join('\n');
  const mac = (key, text) => crypto.hmac('sha256', key, text, 'binary');
  const key = mac(mac(mac(mac(`AWS4${keys.secret}`, day), region), service), 'aws4_request');
  const signature = crypto.hmac('sha256', key, toSign, 'hex');

  delete headers.host;
  headers.authorization = `AWS4-HMAC-SHA256 Credential=${keys.id}/${scope}, SignedHeaders=${list}, Signature=${signature}`;
  return headers;
}

function hostOf(url) {
  const [scheme, rest] = url.split('://');
  const host = rest.split('/')[0];
  return host.replace(scheme === 'https' ? /:443$/ : /:80$/, '');
}
