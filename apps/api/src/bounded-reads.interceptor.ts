import {
  type CallHandler,
  type ExecutionContext,
  Inject,
  Injectable,
  type NestInterceptor,
  SetMetadata,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request } from 'express';
import { defer, lastValueFrom, type Observable } from 'rxjs';
import { type Catalogue, readingBounded } from '#persistence';
import { DATABASE } from './ports.js';

const GROWS = 'grows with an account';

/** A GET that reads as much as an account has, or renders: its statements take as long as they take. */
export const GrowsWithAccount = () => SetMetadata(GROWS, true);

/** Bounds how long the statements of a GET may take, unless what it reads grows with an account. */
@Injectable()
export class BoundedReadsInterceptor implements NestInterceptor {
  constructor(
    @Inject(DATABASE) private readonly database: Catalogue,
    private readonly reflector: Reflector,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { method } = context.switchToHttp().getRequest<Request>();
    const grows = this.reflector.get<true | undefined>(GROWS, context.getHandler());
    if ((method !== 'GET' && method !== 'HEAD') || grows) return next.handle();
    return defer(() => readingBounded(this.database, () => lastValueFrom(next.handle())));
  }
}
