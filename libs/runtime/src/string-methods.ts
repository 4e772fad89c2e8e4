/** V8 makes a prototype fast once reads through an object that inherits from it repeat at one place: ten are enough. */
const READS = 10;

/**
 * Makes the methods of strings fast again. ioredis declares a class that extends String (`VerbatimString`), and a class that is
 * declared turns its parent's prototype into a dictionary. Classes that have instances recover, this one has none: in the whole
 * process each call of a method of a string takes several times as long from then on, on Node 20, 22 and 24. To be called
 * when everything has been imported.
 */
export function quickenStrings(): void {
  const heir = Object.create(String.prototype) as string;
  const read = (of: string) => of.charCodeAt;
  for (let reads = 0; reads < READS; reads += 1) read(heir);
}
