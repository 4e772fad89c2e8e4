import type { Fleet } from './identity.js';
import type { Switches } from './switches.js';

/** Fleets of another kind; fixed for the life of a simulator. */
export interface Profiles {
  /** IMSIs of a test network, `00101…`. */
  leadingZero?: boolean;
  /** All byte counts × 10^6, beyond what a double holds. */
  big?: boolean;
  /** Leaves with number mod 50 = 49 have no traffic. */
  idle?: boolean;
}

/** Everything an answer depends on besides the request and its fault: same world, same request, same bytes. */
export interface World {
  fleet: Fleet;
  seed: number;
  profiles: Profiles;
  switches: Switches;
  /** Unix seconds; windows that start at or after it do not exist yet. */
  clock: number;
}
