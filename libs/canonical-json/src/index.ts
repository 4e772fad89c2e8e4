export { canonicalJson, CanonicalJsonError } from './canonical-json.js';
