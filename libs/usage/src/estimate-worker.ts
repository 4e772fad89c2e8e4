import { createHash } from 'node:crypto';
import { Plans } from '#billing';
import { canonicalJson } from '#canonical-json';
import { type Estimate, type NoEstimate, rateMonth } from './estimate-rating.js';
import { type PackedWork, unpack } from './packed-work.js';

const plans = new Plans((document) => createHash('sha256').update(canonicalJson(document)).digest('hex'));

/** Entry of a worker thread. */
export default function rate(work: PackedWork): Estimate | NoEstimate {
  return rateMonth(unpack(work), plans);
}
