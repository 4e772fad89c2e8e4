import type { Patience } from '../ground/sessions.js';
import type { Catalogue } from '../ground/prisma.js';

/** As `openDatabase`, for processes that work on the catalogue too: through Prisma, which is loaded by this call. */
export async function openCatalogue(
  connectionString: string,
  connections?: number,
  patience?: Partial<Patience>,
): Promise<Catalogue> {
  const { openClient } = await import('../ground/prisma-client.js');
  return openClient(connectionString, connections, patience);
}
