import { z } from 'zod';
import { id, notice, stamp } from '../contract.js';

/** A pull that confirms what was billed for a period, or that there was nothing to bill. */
export const confirmingPull = z
  .object({
    id,
    invoice: id.nullable().meta({ description: 'Null where the period billed nothing.' }),
    due_at: stamp,
    requested_by: z.string().nullable().meta({
      description: 'Null: the schedule, 24 hours, 7 and 30 days after issue, or after the account ended `empty`.',
    }),
    next_attempt_at: stamp.nullable().meta({ description: 'When it is tried, or tried again; null when it is done.' }),
    attempts: z.int(),
    outcome: z
      .enum(['equal', 'no_difference', 'proposed', 'voided', 'reopened', 'superseded', 'held', 'failed'])
      .nullable()
      .meta({
        description:
          '`proposed`: a difference, under /v1/corrections. `reopened`: an `empty` account that now has something to pay ' +
          'went back to the start of its close; `superseded`: it had gone back before.',
      }),
    reason: notice.nullable().meta({ description: 'Why the last attempt led to nothing.' }),
    done_at: stamp.nullable(),
  })
  .meta({ id: 'ConfirmingPull', description: 'A period that is pulled again after it was billed.' });
