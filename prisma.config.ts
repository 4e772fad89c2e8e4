import { defineConfig } from 'prisma/config';

// `prisma generate` looks for a schema-engine binary that it never runs. Naming any executable lets it work
// without a download; `migrate` still wants the real engine, so only `generate` is excused.
if (process.argv.includes('generate')) process.env.PRISMA_SCHEMA_ENGINE_BINARY ??= process.execPath;

export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  datasource: { url: process.env.DATABASE_URL ?? 'postgresql://localhost/meterline' },
});
