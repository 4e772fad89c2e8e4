import type { Derivation } from '#rating';
import type { z } from 'zod';
import type { derivation } from '../../apps/api/src/rating/derivation.js';

/** What the contract says of a derivation holds of every one. */
export const contract = (of: Derivation): z.output<typeof derivation> => of;
