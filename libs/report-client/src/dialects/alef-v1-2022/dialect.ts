import type { ReportQuestion } from '#billing';
import { defineDialect } from '../../dialect.js';
import { probe } from './probe.js';
import { readItems, readLive } from './read-answer.js';
import { formOf, requestBody, requireAskable } from './request-form.js';
import { DEFAULT_SETTINGS, KEY_NAME, type Settings, settingsSchema } from './settings.js';

/** How far the decimal point of a rate moves left to give Mbps, and half of the second decimal of the unit in Mbps. */
const UNITS = {
  Mbps: { power: 0, halfPlaceMbps: '0.005' },
  kbps: { power: 3, halfPlaceMbps: '0.000005' },
  bps: { power: 6, halfPlaceMbps: '0.000000005' },
} as const;

/** `connectivity/v1/report` as it was documented in 2022. */
export const alefV1 = defineDialect<Settings>({
  name: DEFAULT_SETTINGS.name,
  settings: settingsSchema,
  speak: (settings) => {
    const { power, halfPlaceMbps } = UNITS[settings.unit];
    return {
      traits: {
        label: settings.label,
        rates: { ofAllSubscribers: settings.scope === 'all_ues', overActiveSeconds: settings.proven.unit },
        rounding: { known: settings.round_dp === '2', halfPlaceMbps },
        filtersWork: settings.filter_logic === 'and',
        openQuestions: openQuestionsOf(settings),
        strict: settings.strict,
      },
      path: settings.path,
      key: { in: settings.auth, name: KEY_NAME },
      bodyLimitBytes: settings.body_limit_bytes,
      longestRangeDays: settings.chunk_days,
      rates: { power, lineRateMbps: settings.line_rate_mbps, ifRounded: 'set round_dp to "2" if it rounds' },
      request: (question) => {
        const form = formOf(question);
        requireAskable(form, settings);
        return { method: 'POST', body: requestBody(form, question.of?.range, settings) };
      },
      read: (body, question) => readItems(body, formOf(question), settings),
      readLive: (body, question) => readLive(body, formOf(question), settings),
    };
  },
  probe,
});

/** What the documentation leaves open and no probe has shown. */
function openQuestionsOf({ label, unit, filter_logic, scope, proven }: Settings): ReportQuestion[] {
  const questions: (ReportQuestion & { readonly isOpen: boolean })[] = [
    {
      isOpen: !proven.label,
      code: 'label_unproven',
      concerns: 'usage',
      message: `buckets are taken to be labelled by their ${label}, which shifts a month by one bucket if it is wrong`,
    },
    {
      isOpen: filter_logic === 'unproven',
      code: 'filter_logic_unproven',
      concerns: 'entities',
      message: 'the report API may combine the filters of an account and of one of its entities by OR',
    },
    {
      isOpen: !proven.unit,
      code: 'rate_unit_unproven',
      concerns: 'rates',
      message: `rates are taken to be in ${unit}, over the seconds with traffic`,
    },
    {
      isOpen: scope === 'unknown',
      code: 'rate_scope_unknown',
      concerns: 'rates',
      message: 'the rate of a site may be that of its busiest subscriber',
    },
  ];
  return questions
    .filter(({ isOpen }) => isOpen)
    .map(({ code, concerns, message }) => ({ code, concerns, message: `${message}; run the dialect probe` }));
}
