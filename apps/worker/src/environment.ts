import { SERVICE_VARIABLES, variables } from '#runtime';

/** What a worker reads from its environment. */
export const workerEnvironment = variables.pick({ ...SERVICE_VARIABLES, HEALTH_PORT: true });
