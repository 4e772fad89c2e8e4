import { ACCOUNT_MOVES, ACCOUNT_STATES, CLOSE_MOVES, CLOSE_STATES } from './account-states.js';

interface AnyMove {
  readonly from: readonly string[];
  readonly to: string;
  readonly guards: readonly string[];
}

/** `from → to` with the guards, of every move of a table. */
function transitions(moves: Readonly<Record<string, AnyMove>>): string[] {
  return Object.entries(moves).map(
    ([name, { from, to, guards }]) =>
      `${name}: ${from.join('|')} → ${to}${guards.map((guard) => ` [${guard}]`).join('')}`,
  );
}

/** What can be reached from a state. */
function reachable(moves: Readonly<Record<string, AnyMove>>, start: string): string[] {
  const seen = new Set([start]);
  for (const state of seen) {
    for (const { from, to } of Object.values(moves)) if (from.includes(state)) seen.add(to);
  }
  return [...seen];
}

describe('an account of a close', () => {
  it('moves in these ways and in no others', () => {
    expect(transitions(ACCOUNT_MOVES)).toEqual([
      'take_up: pending|pulling|rated → pulling [close_not_cancelled]',
      'give_back: pulling → pending [close_not_cancelled]',
      'rate: pulling|rated → rated [close_not_cancelled]',
      'wait: pulling|rated → waiting [close_not_cancelled]',
      'draft: pulling|rated → drafted [close_not_cancelled]',
      'find_empty: pulling|rated → empty [close_not_cancelled]',
      'issue: drafted → issued [close_not_cancelled]',
      'issue_at_once: rated → issued [close_not_cancelled]',
      'hold: pulling|rated|drafted → held',
      'fail: pulling|rated|drafted → failed',
      'fall_due: waiting → pending [next_try_due] [close_not_cancelled]',
      'settle_in: held → pending [held_for_its_month] [close_not_cancelled]',
      'reopen: empty → pending [close_not_cancelled]',
      'retry: held|failed|waiting → pending [close_not_cancelled]',
      'retry_by_name: held|failed|waiting|empty|drafted|issued → pending [close_not_cancelled] [drafted_for_real] [issued_and_voided]',
    ]);
  });

  it('gets from pending everywhere, and back to pending from wherever it ends', () => {
    expect(reachable(ACCOUNT_MOVES, 'pending').sort()).toEqual([...ACCOUNT_STATES].sort());
    for (const state of ACCOUNT_STATES) expect(reachable(ACCOUNT_MOVES, state)).toContain('pending');
  });

  it('becomes issued by a worker alone, and leaves that only when its invoice was voided', () => {
    const leaving = Object.values(ACCOUNT_MOVES).filter(({ from }) => (from as readonly string[]).includes('issued'));
    expect(leaving).toHaveLength(1);
    for (const { guards } of leaving) expect(guards).toContain('issued_and_voided');
    const issuing = Object.values(ACCOUNT_MOVES).filter(({ to }) => to === 'issued');
    expect(new Set(issuing.map(({ by }) => by))).toEqual(new Set(['worker']));
  });
});

describe('a close', () => {
  it('moves in these ways and in no others', () => {
    expect(transitions(CLOSE_MOVES)).toEqual([
      'work: review|finished → running',
      'review: running|finished → review',
      'finish: running|review → finished',
      'cancel: running|review|finished → cancelled [nothing_issued]',
    ]);
  });

  it('stays cancelled for ever', () => {
    expect(reachable(CLOSE_MOVES, 'running').sort()).toEqual([...CLOSE_STATES].sort());
    expect(reachable(CLOSE_MOVES, 'cancelled')).toEqual(['cancelled']);
  });
});
