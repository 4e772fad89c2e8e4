import { type Logger, pino } from 'pino';

export type { Logger } from 'pino';

/** The log of one program: JSON, a line each, on standard output. */
export function createLogger(level: string, app?: string): Logger {
  return pino(app === undefined ? { level } : { level, base: { app } });
}

/** The log of a Nest application: it tells every part that it starts, of which only warnings and errors are worth a line. */
export function nestLogger(logger: Logger) {
  return {
    log: () => undefined,
    warn: (message: unknown) => logger.warn(String(message)),
    error: (message: unknown, stack?: unknown) => logger.error({ stack }, String(message)),
  };
}
