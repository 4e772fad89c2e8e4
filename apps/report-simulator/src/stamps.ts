/** An instant as a request writes it: unix seconds and the offset it was written in. */
export interface Stamp {
  epochSeconds: number;
  offsetSeconds: number;
  offset: string;
}

const STAMP = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)([+-])(0\d|1[0-4]):(00|15|30|45)$/;
const DAY_SECONDS = 86_400;

/** Reads `YYYY-MM-DDThh:mm:ss±hh:mm` with real dates and times only; no `Z`, no fraction. Undefined when it is not one. */
export function parseStamp(text: string): Stamp | undefined {
  const parts = STAMP.exec(text);
  if (parts === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1, 7).map(Number);
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCFullYear() !== year || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  const offsetSeconds = (parts[7] === '-' ? -1 : 1) * (Number(parts[8]) * 3600 + Number(parts[9]) * 60);
  const local = date.getTime() / 1000 + hour * 3600 + minute * 60 + second;
  return { epochSeconds: local - offsetSeconds, offsetSeconds, offset: text.slice(19) };
}

/** A writer of instants in one offset; it remembers what it wrote, since every series of an answer has the same labels. */
export function stampWriter(offset: { offsetSeconds: number; offset: string }): (epochSeconds: number) => string {
  const days = new Map<number, string>();
  const stamps = new Map<number, string>();
  return (epochSeconds) => {
    const known = stamps.get(epochSeconds);
    if (known !== undefined) return known;
    const local = epochSeconds + offset.offsetSeconds;
    const day = Math.floor(local / DAY_SECONDS);
    let date = days.get(day);
    if (date === undefined) days.set(day, (date = new Date(day * DAY_SECONDS * 1000).toISOString().slice(0, 10)));
    const second = local - day * DAY_SECONDS;
    const stamp = `${date}T${two(second / 3600)}:${two((second % 3600) / 60)}:${two(second % 60)}${offset.offset}`;
    stamps.set(epochSeconds, stamp);
    return stamp;
  };
}

function two(value: number): string {
  const whole = Math.floor(value);
  return whole < 10 ? `0${whole}` : String(whole);
}
