import { ReportTransport } from '../dist/libs/report-client/src/index.js';

/** Remembers the very requests that a pull sends, while `recorded` is a list. */
export class Recorder extends ReportTransport {
  recorded;

  send(attempt) {
    this.recorded?.push(attempt);
    return super.send(attempt);
  }
}
