import { setTimeout as delay } from 'node:timers/promises';
import { Controller, Get, Inject } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { assertWritable, type Catalogue } from '#persistence';
import { listSellers } from '#persistence/catalogue';
import { z } from 'zod';
import { Open } from '../access/access.guard.js';
import { problemResponse } from '../documented.js';
import { DATABASE, QUEUE, type QueuePort } from '../ports.js';
import { Problem } from '../problems/problem.js';
import { Drain } from './drain.js';

/** A part that has not answered by then is away, whatever it is waiting for. */
const PATIENCE_MS = 3_000;

const alive = z.strictObject({ status: z.literal('ok') });
const ready = z.union([alive, z.strictObject({ status: z.literal('degraded'), degraded: z.array(z.string()) })]);

@ApiTags('health')
@Controller('health')
export class HealthController {
  constructor(
    @Inject(DATABASE) private readonly database: Catalogue,
    @Inject(QUEUE) private readonly queue: QueuePort,
    @Inject(Drain) private readonly drain: Drain,
  ) {}

  @Get('live')
  @Open()
  @ApiOperation({ summary: 'Whether the process runs', security: [] })
  @ApiResponse({ status: 200, description: 'it runs', standardSchema: alive })
  live(): z.output<typeof alive> {
    return { status: 'ok' };
  }

  @Get('ready')
  @Open()
  @ApiOperation({
    summary: 'Whether requests can be answered: the database is there with its tables',
    description:
      '`degraded` names what is away and keeps no request waiting: without the `queue` whatever is asked for is written ' +
      'down, and workers begin with it when the queue is back.',
    security: [],
  })
  @ApiResponse({ status: 200, description: 'they can', standardSchema: ready })
  @ApiResponse({ status: 503, ...problemResponse('`not_ready`') })
  async ready(): Promise<z.output<typeof ready>> {
    if (this.drain.signal.aborted) throw notReady('the process is stopping');
    await answering('the database', async () => {
      await assertWritable(this.database);
      await listSellers(this.database, { limit: 1 });
    });
    const queue = await answering('the queue', () => this.queue.ping()).then(
      () => true,
      () => false,
    );
    return queue ? { status: 'ok' } : { status: 'degraded', degraded: ['queue'] };
  }
}

async function answering(part: string, ask: () => Promise<unknown>): Promise<void> {
  const late = Symbol('late');
  const answer = await Promise.race([ask(), delay(PATIENCE_MS, late, { ref: false })]).catch((error: unknown) => {
    throw notReady(`${part} does not answer`, error);
  });
  if (answer === late) throw notReady(`${part} does not answer`);
}

function notReady(detail: string, cause?: unknown): Problem {
  const problem = new Problem(503, 'not_ready', detail, { headers: { 'retry-after': '5' } });
  problem.cause = cause;
  return problem;
}
