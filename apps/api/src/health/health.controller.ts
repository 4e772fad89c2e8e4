import { Controller, Get, Inject } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { type Database, listSellers } from '#persistence';
import { Open } from '../access/access.guard.js';
import { DATABASE } from '../ports.js';
import { Problem } from '../problems/problem.js';

@ApiTags('health')
@Controller('health')
export class HealthController {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  @Get('live')
  @Open()
  @ApiOperation({ summary: 'Whether the process runs', security: [] })
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Get('ready')
  @Open()
  @ApiOperation({ summary: 'Whether requests can be answered: the database is there, with its tables', security: [] })
  async ready(): Promise<{ status: 'ok' }> {
    try {
      await listSellers(this.database, { limit: 1 });
    } catch (error) {
      const problem = new Problem(503, 'not_ready', 'the database does not answer', {
        headers: { 'retry-after': '5' },
      });
      problem.cause = error;
      throw problem;
    }
    return { status: 'ok' };
  }
}
