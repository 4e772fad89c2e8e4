/**
 * Remembers what a pure function answered, by a key of its arguments: all accounts of a close ask for the same few days. When
 * too many answers are kept, all are forgotten.
 */
export function remembering<Answer>(kept: number): (key: string, compute: () => Answer) => Answer {
  const answers = new Map<string, Answer>();
  return (key, compute) => {
    const known = answers.get(key);
    if (known !== undefined) return known;
    const answer = compute();
    if (answers.size >= kept) answers.clear();
    answers.set(key, answer);
    return answer;
  };
}
