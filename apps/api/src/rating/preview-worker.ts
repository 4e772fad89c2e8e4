import { type ProblemEntry, Problem } from '../problems/problem.js';
import { preview, type PreviewRequest } from './preview.js';

/** What a worker answers. Errors lose their class and their code between threads, so what is known travels as data. */
export type PreviewWorkerAnswer =
  | { outcome: 'rated'; answer: string }
  | { outcome: 'thrown'; code: string; message: string }
  | { outcome: 'refused'; status: number; code: string; message: string; errors: readonly ProblemEntry[] };

/**
 * Entry of a worker thread: the JSON of a request in, the JSON of its answer out. Texts pass between threads as they are,
 * where tens of thousands of objects would be copied one by one on both sides.
 */
export default function rate(request: string): PreviewWorkerAnswer {
  try {
    return { outcome: 'rated', answer: JSON.stringify(preview(JSON.parse(request) as PreviewRequest)) };
  } catch (error) {
    if (error instanceof Problem) {
      const { status, code, message, more } = error;
      return { outcome: 'refused', status, code, message, errors: more.errors ?? [] };
    }
    if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
      return { outcome: 'thrown', code: error.code, message: error.message };
    }
    throw error;
  }
}
