import { setFlagsFromString } from 'node:v8';

/**
 * Keeps the heaps of this process, its threads included, near what they hold. V8 lets a heap grow by up to four times
 * before it collects, as long as the machine has memory to spare; then the memory of a worker depends on the moment and not
 * on its work. To be called before anything else is done.
 */
export function boundHeapGrowth(): void {
  setFlagsFromString('--heap-growing-percent=30');
}
