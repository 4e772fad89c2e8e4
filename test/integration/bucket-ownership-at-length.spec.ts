import { everyBucketIsOwnedOnce } from '../support/bucket-ownership.js';

const CASES = 100_000;

it(
  `every bucket is owned exactly once, in ${CASES.toLocaleString('en')} random cases`,
  () => everyBucketIsOwnedOnce(CASES),
  900_000,
);
