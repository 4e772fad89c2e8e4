import { type CallHandler, type ExecutionContext, Inject, Injectable, type NestInterceptor } from '@nestjs/common';
import { catchError, from, type Observable, switchMap, throwError } from 'rxjs';
import type { Catalogue } from '#persistence';
import { noteAlteration } from '#persistence/documents';
import { DATABASE } from '../ports.js';

/** Writes down which stored document a request found altered, before the caller is told. */
@Injectable()
export class AlteredDocumentsInterceptor implements NestInterceptor {
  constructor(@Inject(DATABASE) private readonly database: Catalogue) {}

  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(
      catchError((error: unknown) =>
        // Whatever keeps it from being written down, the caller is told what was found.
        from(noteAlteration(this.database, error).catch(() => undefined)).pipe(
          switchMap(() => throwError(() => error)),
        ),
      ),
    );
  }
}
