import { createHash } from 'node:crypto';
import { preview, type PreviewRefusal, type PreviewRequest } from '#billing';
import { canonicalJson } from '#canonical-json';

/** What a preview comes to. Errors lose their class and their code between threads, so what is known travels as data. */
export type PreviewWorkerAnswer =
  { outcome: 'rated'; answer: string } | { outcome: 'thrown'; code: string; message: string } | PreviewRefusal;

/** The answer of a preview as JSON, or its refusal. */
export function previewed(request: PreviewRequest): Exclude<PreviewWorkerAnswer, { outcome: 'thrown' }> {
  const made = preview(request, (plan) => createHash('sha256').update(canonicalJson(plan)).digest('hex'));
  if (made.outcome === 'refused') return made;
  const { outcome, ...answer } = made;
  return { outcome, answer: JSON.stringify(answer) };
}

/**
 * Entry of a worker thread: the JSON of a request in, the JSON of its answer out. Texts pass between threads as they are,
 * where tens of thousands of objects would be copied one by one on both sides.
 */
export default function rate(request: string): PreviewWorkerAnswer {
  try {
    return previewed(JSON.parse(request) as PreviewRequest);
  } catch (error) {
    if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
      return { outcome: 'thrown', code: error.code, message: error.message };
    }
    throw error;
  }
}
