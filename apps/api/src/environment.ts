import { SERVICE_VARIABLES, variables } from '#runtime';

/** What a process that serves the API reads from its environment. */
export const apiEnvironment = variables.pick({
  ...SERVICE_VARIABLES,
  METERLINE_ADMIN_KEY: true,
  PORT: true,
  HOST: true,
  API_REQUESTS_PER_MINUTE: true,
  API_STREAMS: true,
  API_UNAUTHORIZED_PER_MINUTE: true,
});
