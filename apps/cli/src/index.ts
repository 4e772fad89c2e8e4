export { openArchive, type OpenArchive } from './archive-files.js';
export { RestClient, RestProblem } from './rest-client.js';
